"""The configuration of an earlier run, out of the `config.json` in its folder: repeats it, or varies it.

python main.py --config=runs/fin_ssi/config.json --workdir=runs/again
python main.py --config=runs/fin_ssi/config.json --workdir=runs/other_seed --config.seed=1
"""

import importlib.metadata
import json
import logging

from ml_collections import ConfigDict

from finjax.configs.templates import complete
from finjax.errors import ConfigError
from finjax.system.files import expanded
from finjax.system.paths import refuse_url

logger = logging.getLogger(__name__)


def get_config(path: str) -> ConfigDict:
    """Returns the configuration that `path` holds, such as `runs/fin_ssi/config.json` or a study's `study.json`.

    Raises:
        ConfigError: it holds none.
    """
    described = read(path)
    config = complete(described["config"])
    device = described.get("device", {})
    if device.get("platform") == "cpu" and not config.get("cpu_devices", 1):
        config.cpu_devices = device["count"]  # how the sum over a batch is split shows in its last bits
    _warn_of_other_versions(described.get("versions", {}))
    return config


def read(path: str) -> dict:
    """Returns what a run has recorded of itself; raises `ConfigError` where that is no configuration."""
    refuse_url(path, option="--config")
    try:
        described = json.loads(expanded(path).read_text(encoding="utf-8"))
        complete(described["config"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"{type(error).__name__}: {error}"
        raise ConfigError(f"--config={path}: no configuration that a run has recorded ({reason})") from error
    return described


def _warn_of_other_versions(versions: dict[str, str]) -> None:
    here = {name: importlib.metadata.version(name) for name in versions if name not in ("finjax", "python")}
    other = [f"{name} {versions[name]} there, {here[name]} here" for name in here if here[name] != versions[name]]
    if other:
        logger.warning("the recorded run had other versions, so that numbers may differ: %s", "; ".join(other))
