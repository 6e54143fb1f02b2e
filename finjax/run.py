"""Runs a configuration: the entry point of `main.py`."""

import copy
from collections.abc import Iterator
from pathlib import Path

from ml_collections import ConfigDict

from finjax.configs import default
from finjax.configs.feature_list import parse_features
from finjax.configs.fields import check_fields
from finjax.configs.parsing import parse, restore
from finjax.configs.settings import StageSettings
from finjax.configs.sizes import check_names, check_sizes
from finjax.data import cache, synthetic
from finjax.devices import parallel
from finjax.devices.defaults import with_defaults
from finjax.devices.require import require_devices
from finjax.errors import ConfigError
from finjax.study import runner
from finjax.system.files import expanded
from finjax.system.paths import refuse_url
from finjax.system.plugins import load_plugins
from finjax.system.process_place import SINGLE_PROCESS, ProcessPlace
from finjax.tasks.stages import STAGES, run_stage

MODES = ("train", "evaluate")


@with_defaults
def run(config: ConfigDict, *, workdir: str | Path | None = None, mode: str = "train", shard: str = "") -> None:
    """Trains and evaluates a configuration, or only evaluates it.

    Args:
        config: the configuration, from `finjax.configs`.
        workdir: folder of the run; default: `runs/` and the name of the run. FINs of several features go to
            folders `fin_rms`, `fin_var`, … in it, or to their default folders.
        mode: `"train"` or `"evaluate"`.
        shard: for a study, the part to run, as `"3/40"`.

    Raises:
        FinjaxError: an error that the user can correct.

    Example:
        >>> from finjax.configs import classical
        >>> config = classical.get_config("test")  # two synthetic people, a second of each movement
        >>> config.subject = "1"
        >>> run(config, workdir="runs/lda")  # doctest: +ELLIPSIS
        <BLANKLINE>
        subject ...
        >>> sorted(path.name for path in Path("runs/lda").iterdir())
        ['eval', 'subject_1']
    """
    if config.get("stage") not in (*STAGES, "study"):
        raise ConfigError(f"unknown stage {config.get('stage')!r}; choose from {', '.join(STAGES)}, study")
    if mode not in MODES:
        raise ConfigError(f"unknown mode {mode!r}; choose from {', '.join(MODES)}")
    if workdir:
        refuse_url(workdir, option="--workdir")
    settings = None
    if config.stage == "study":
        check_fields(config)  # a study parses the configuration of each of its runs
    else:
        settings = parse(config)
    if caches := cache.default_folder():
        parallel.keep_programs(caches / "programs")
    if settings is None:
        _run_study(config, expanded(workdir) if workdir else default_workdir(config), mode=mode, shard=shard)
        return
    if shard:
        raise ConfigError(f"--shard={shard}: only a study has parts (--config=study)")
    if "train" in config:
        parallel.use_cpu_devices(config.cpu_devices, batch_size=config.train.batch_size)
    require_devices()
    load_plugins(config.plugins)  # after the devices are set up, because plugins may use JAX
    runs = list(_runs(config, settings, expanded(workdir) if workdir else None))
    for settings, _ in runs:
        check_names(settings)
        check_sizes(settings)
    parallel.connect_devices()
    for settings, folder in runs:
        run_stage(settings, folder, mode=mode)


def place_of(config: ConfigDict, place: ProcessPlace, *, shard: str) -> ProcessPlace:
    """Returns the place of this process among the processes of one training; each part of a study runs alone.

    Args:
        config: as for `run`.
        place: the place that the options or the launcher give.
        shard: as for `run`.

    Raises:
        ConfigError: several processes were started for work that one process does.
    """
    if place.count == 1:
        return place
    if config.stage == "study":
        if shard and place.launcher:
            return SINGLE_PROCESS
        raise ConfigError(
            f"{place.count} processes for one study: start each with --shard (1/{place.count} to "
            f"{place.count}/{place.count}) and without --coordinator"
        )
    if config.stage == "classical":
        raise ConfigError(f"{place.count} processes for a classical baseline: start a single process")
    return place


def _run_study(config: ConfigDict, workdir: Path, *, mode: str, shard: str) -> None:
    parallel.use_cpu_devices(config.cpu_devices, batch_size=runner.smallest_batch(config))
    require_devices()
    load_plugins(config.plugins)
    runner.run_study(config, workdir, mode=mode, shard=shard)


def _runs(config: ConfigDict, settings: StageSettings, workdir: Path | None) -> Iterator[tuple[StageSettings, Path]]:
    """Yields the settings and folder of each run of a configuration: a FIN for each feature of `target`."""
    targets = parse_features(config.target, field="target") if config.stage == "fin" else ()
    if len(targets) < 2:
        yield settings, workdir or default_workdir(config)
    for target in targets if len(targets) > 1 else ():
        one = copy.deepcopy(config)
        one.target = target
        yield restore(one), workdir / f"fin_{target}" if workdir else default_workdir(one)


def default_workdir(config: ConfigDict) -> Path:
    """Returns a folder named after the settings: `runs/fin_ssi`, or `runs/fin_ssi_fast_three_dc_prediction_3`.

    Example:
        >>> from finjax.configs import classical, cnn
        >>> default_workdir(cnn.get_config("best")).as_posix()
        'runs/cnn_best'
        >>> config = classical.get_config()
        >>> config.features = "hudgins"  # another set than the default
        >>> default_workdir(config).as_posix()
        'runs/classical_lda_hudgins'
    """
    parts = [config.stage, config.get("target"), config.get("classifier")]
    if config.stage == "classical" and config.features != default.classical().features:
        parts += [name.strip() for name in config.features.split(",")]
    parts.append(config.preset)
    if config.data.name != synthetic.NAME:
        parts.append(config.data.name)
    if config.get("prediction", (0,)) != (0,):
        parts.append("prediction_" + "_".join(map(str, config.prediction)))
    if "fine_tune" in config and config.fine_tune.get("fin_init") == "random":
        parts.append("random_fins")
    if config.get("pooled"):
        parts.append(f"pooled_{config.subject}")
    if config.get("percentage", 100.0) != 100:
        parts.append(f"{config.percentage:g}_percent_{config.percentage_how}")
    if "statistics" in config and config.statistics != ("unlabelled" if config.stage == "fin" else "used"):
        parts.append(f"{config.statistics}_statistics")
    return Path("runs") / "_".join(filter(None, parts))
