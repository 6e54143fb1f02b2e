"""Runs a study, or one part of it, and writes the report."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ml_collections import ConfigDict

from finjax.configs.parsing import data_settings, parse
from finjax.configs.sizes import check_names, check_sizes
from finjax.data.source import find_split, warn_of_copies
from finjax.errors import ConfigError, FinjaxError, StorageError, TrainingError, listed
from finjax.study.experiments import PARTS
from finjax.study.methods import method_config, names_in, option_in
from finjax.study.plan import Run, make_plan
from finjax.study.record import open_study, read_study, split_of
from finjax.study.results import TIMING, finished
from finjax.study.shard import of_shard, parse_shard
from finjax.system.files import storage_errors, write_json
from finjax.system.locks import FILE, locked
from finjax.tasks.stages import STAGES, run_stage

logger = logging.getLogger(__name__)

OUTPUT = "output.txt"
LISTED = 6  # runs that a message lists at most


def run_study(config: ConfigDict, workdir: Path, *, mode: str, shard: str = "") -> None:
    """Does the runs that are not finished yet, and writes the report when all are finished.

    Args:
        config: as `configs/study.py` makes it.
        workdir: folder of the study.
        mode: `"train"`, or `"evaluate"` to write the report of the finished runs only.
        shard: which part of the runs to do, as `"3/40"`; empty: all runs.

    Raises:
        ConfigError: a setting is not valid; raised before the first run.
        CheckpointError: the folder holds a study with other settings.
        LockError: another process does the same part.
        StorageError: the results cannot be written.
        TrainingError: some runs failed; the others are finished.
    """
    from finjax.study.report import write_report  # importing pandas takes a second

    part = parse_shard(shard)
    split = find_split(data_settings(config.data)) if mode == "train" else split_of(read_study(workdir))
    if not split.test_repetitions:
        raise ConfigError("a study needs test repetitions: set --config.data.test_repetitions")
    _check_names(config)
    plan = make_plan(config, split, workdir)
    _check(config, plan)
    failed: dict[str, str] = {}
    with storage_errors(workdir), _lock(workdir, part) if mode == "train" else contextlib.nullcontext():
        open_study(workdir, config, split)
        if mode == "train":
            warn_of_copies(data_settings(config.data), split.subjects)
            failed = _do_runs(of_shard(list(enumerate(plan, 1)), part), len(plan), workdir)
    left = [one.name for one in plan if not finished(workdir, one.name)]
    if not left or not shard or mode == "evaluate":
        with storage_errors(workdir):
            logger.info("report: %s", write_report(workdir, config, split))
    if left and mode == "train":
        logger.warning(
            "%d of %d runs are left (%s). Run the same command again to resume%s",
            len(left),
            len(plan),
            listed(left, most=LISTED),
            ". In a SLURM array, a part may need runs of other parts: submit it again when it has ended" * bool(shard),
        )
    if failed:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(failed.items())[:LISTED])
        raise TrainingError(f"{len(failed)} runs failed: {reasons}")


def smallest_batch(config: ConfigDict) -> int:
    """Returns the smallest batch size of all stages: each device needs at least one example of it."""
    return min(config[stage].train.batch_size for stage in STAGES if "train" in config[stage])


def _lock(workdir: Path, shard: tuple[int, int]) -> contextlib.AbstractContextManager:
    """Locks one part of a study. Each run has its own lock too, because shards of different sizes overlap."""
    part, parts = shard
    return locked(workdir, f"lock_{part}_of_{parts}.json" if parts > 1 else FILE)


def _do_runs(runs: Sequence[tuple[int, Run]], total: int, workdir: Path) -> dict[str, str]:
    """Does the unfinished runs of one part, each as soon as the runs it needs are finished.

    Args:
        runs: the runs of this part, each with its number in the plan.
        total: how many runs the plan has.
        workdir: folder of the study.

    Returns:
        The error message of each run that failed, by the run's name.
    """
    waiting = [(number, one) for number, one in runs if not finished(workdir, one.name)]
    if len(waiting) < len(runs):
        logger.info("%d of %d runs are finished", len(runs) - len(waiting), len(runs))
    failed: dict[str, str] = {}
    started_any = bool(waiting)
    while started_any:  # other parts may have finished runs that these need
        started_any = False
        for number, one in waiting:
            if one.name in failed or not all(finished(workdir, need) for need in one.needs):
                continue
            started_any = True
            logger.info("[%d/%d] %s", number, total, one.name)
            try:
                _do_run(one, workdir / one.name)
            except StorageError:  # the other runs would fail for the same reason
                raise
            except FinjaxError as error:
                failed[one.name] = str(error)
                logger.warning("%s failed: %s", one.name, error)
        waiting = [(number, one) for number, one in waiting if not finished(workdir, one.name)]
    return failed


def _do_run(one: Run, folder: Path) -> None:
    started = time.perf_counter()
    with _output_to_file(folder / OUTPUT):
        run_stage(parse(one.config), folder, mode="train")
    write_json(folder / TIMING, {"seconds": round(time.perf_counter() - started, 1)})


@contextlib.contextmanager
def _output_to_file(path: Path) -> Iterator[None]:
    """Writes what a run prints and logs to a file; warnings go to the terminal too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    finjax_logger = logging.getLogger("finjax")
    levels = {handler: handler.level for handler in finjax_logger.handlers}
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file, contextlib.redirect_stdout(file):
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        for other in levels:
            other.setLevel(logging.WARNING)
        finjax_logger.addHandler(handler)
        try:
            yield
        finally:
            finjax_logger.removeHandler(handler)
            for other, level in levels.items():
                other.setLevel(level)


def _check_names(config: ConfigDict) -> None:
    """Raises `ConfigError` if a method, or a name in its configuration, is unknown; the plan needs these names."""
    methods = dict.fromkeys(method for part in PARTS for method in names_in(config, part))
    starts = (config.methods[method].get("start") for method in methods)
    for method in dict.fromkeys([*methods, *(start for start in starts if start in config.methods)]):
        one = method_config(config, method)
        check_names(parse(one), option=option_in(config, one.stage, method))


def _check(config: ConfigDict, plan: Sequence[Run]) -> None:
    """Raises `ConfigError` for settings that would otherwise fail only after hours."""
    for field in ("baseline", "shown"):
        if config[field] and config[field] not in config.methods:
            raise ConfigError(
                f"--config.{field}: unknown method {config[field]!r}; choose from {', '.join(config.methods)}"
            )
    fins = [one.config for one in plan if one.config.stage == "fin"]
    for one in fins[:1]:  # FINs differ only in fields that the plan has checked
        check_sizes(parse(one), option=option_in(config, "fin"))
    for part in PARTS:
        for method in names_in(config, part):
            _check_method(config, method, lengths=config.lengths if part == "length" else ())


def _check_method(config: ConfigDict, method: str, *, lengths: Sequence[float]) -> None:
    """Raises `ConfigError` if a method's sizes do not fit; the message names the options."""
    one = method_config(config, method)
    option = option_in(config, one.stage, method)
    check_sizes(parse(one), option=option)
    for window_ms in lengths:
        one.window = f"{window_ms:g}ms"
        check_sizes(parse(one), option=lambda field: "--config.lengths" if field == "window" else option(field))
