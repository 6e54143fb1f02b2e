"""The configuration of an earlier run, from the `config.json` in its folder: to repeat or to vary the run.

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
        ConfigError: the file cannot be read, or holds no configuration.
    """
    described = read(path)
    config = complete(described["config"])
    device = described.get("device", {})
    if device.get("platform") == "cpu" and not config.get("cpu_devices", 1):
        config.cpu_devices = device["count"]  # another number rounds the sum over a batch differently
    _warn_of_other_versions(described.get("versions", {}))
    return config


def read(path: str) -> dict:
    """Returns the content of the file; raises `ConfigError` if it holds no configuration."""
    refuse_url(path, option="--config")
    try:
        described = json.loads(expanded(path).read_text(encoding="utf-8"))
        complete(described["config"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"--config={path} holds no configuration of a run ({reason}): give the config.json of a run's folder"
        ) from error
    return described


def _warn_of_other_versions(versions: dict[str, str]) -> None:
    now = {name: importlib.metadata.version(name) for name in versions if name not in ("finjax", "python")}
    other = [f"{name}: recorded {versions[name]}, now {now[name]}" for name in now if now[name] != versions[name]]
    if other:
        logger.warning("the recorded run used other versions, so numbers may differ (%s)", "; ".join(other))
