"""Does the runs of a study, or a part of them, and writes the report."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ml_collections import ConfigDict

from finjax.configs.sizes import check_names, check_sizes
from finjax.data.source import find_split, warn_of_copies
from finjax.errors import ConfigError, FinjaxError, StorageError, TrainingError
from finjax.study.methods import method_config, names_in, option_in
from finjax.study.plan import Run, make_plan
from finjax.study.record import open_study, read_study, split_of
from finjax.study.results import TIMING, finished
from finjax.study.runs import PARTS
from finjax.study.shard import of_shard, parse_shard
from finjax.system.files import storage_errors, write_json
from finjax.system.locks import FILE, locked
from finjax.tasks.stages import STAGES, run_stage

logger = logging.getLogger(__name__)

OUTPUT = "output.txt"
NAMED = 6  # runs that a message lists


def run_study(config: ConfigDict, workdir: Path, *, mode: str, shard: str = "") -> None:
    """Does the runs of a study that are left, and writes the report once all are done.

    Args:
        config: as `configs/study.py` makes it.
        workdir: folder of the study.
        mode: `"train"`, or `"evaluate"` to report what is there.
        shard: which part of the runs, as `"3/40"`; empty: all of them.

    Raises:
        ConfigError: what is asked for does not exist or does not fit; said before anything is run.
        CheckpointError: the folder holds a study with other settings.
        LockError: another process does the same part.
        StorageError: the disk does not take the results.
        TrainingError: some runs failed; the others are done.
    """
    from finjax.study.report import write_report  # pandas takes a second

    chosen = parse_shard(shard)
    split = find_split(config.data) if mode == "train" else split_of(read_study(workdir))
    _check_names(config)
    plan = make_plan(config, split, workdir)
    _check(config, plan)
    failed = {}
    with storage_errors(workdir), _lock(workdir, chosen) if mode == "train" else contextlib.nullcontext():
        open_study(workdir, config, split)
        if mode == "train":
            warn_of_copies(config.data, split.subjects)
            failed = _do(plan, of_shard(list(enumerate(plan, 1)), chosen), workdir)
    left = [one.name for one in plan if not finished(workdir, one.name)]
    if not left or not shard or mode == "evaluate":
        with storage_errors(workdir):
            logger.info("report: %s", write_report(workdir, config, split))
    if left and mode == "train":
        logger.warning(
            "%d of %d runs are left (%s). Run the same command again to continue%s",
            len(left),
            len(plan),
            _listed(left),
            ". Those of a SLURM array may wait for other parts' runs: submit it again when it has ended" * bool(shard),
        )
    if failed:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(failed.items())[:NAMED])
        raise TrainingError(f"{len(failed)} runs failed: {reasons}")


def smallest_batch(config: ConfigDict) -> int:
    """Returns the examples in the smallest batch of all stages, of which each device is to have one at least."""
    return min(config[stage].train.batch_size for stage in STAGES if "train" in config[stage])


def _lock(workdir: Path, shard: tuple[int, int]) -> contextlib.AbstractContextManager:
    """Locks a part of a study; each of its runs has a lock of its own, in case the parts overlap."""
    part, parts = shard
    return locked(workdir, f"lock_{part}_of_{parts}.json" if parts > 1 else FILE)


def _do(plan: Sequence[Run], ours: Sequence[tuple[int, Run]], workdir: Path) -> dict[str, str]:
    """Does those of our runs that are not finished and whose needs are; returns why some failed."""
    waiting = [(number, one) for number, one in ours if not finished(workdir, one.name)]
    if len(waiting) < len(ours):
        logger.info("%d of %d runs are finished", len(ours) - len(waiting), len(ours))
    failed: dict[str, str] = {}
    ready = waiting
    while ready:  # again, in case other parts have finished what ours need
        ready = []
        for number, one in waiting:
            if one.name in failed or not all(finished(workdir, need) for need in one.needs):
                continue
            ready.append(one)
            logger.info("[%d/%d] %s", number, len(plan), one.name)
            try:
                _do_one(one, workdir / one.name)
            except StorageError:  # the other runs would fail of the same
                raise
            except FinjaxError as error:
                failed[one.name] = str(error)
                logger.warning("%s failed: %s", one.name, error)
        waiting = [(number, one) for number, one in waiting if not finished(workdir, one.name)]
    return failed


def _do_one(one: Run, folder: Path) -> None:
    started = time.perf_counter()
    with _quiet(folder / OUTPUT):
        run_stage(one.config, folder, mode="train")
    write_json(folder / TIMING, {"seconds": round(time.perf_counter() - started, 1)})


@contextlib.contextmanager
def _quiet(path: Path) -> Iterator[None]:
    """Sends what a run prints and logs to a file; warnings go to the terminal too."""
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
    """Raises `ConfigError` where a method, or what a method names, does not exist; the plan is made of these names."""
    methods = dict.fromkeys(method for part in PARTS for method in names_in(config, part))
    starts = (config.methods[method].get("start") for method in methods)
    for method in dict.fromkeys([*methods, *(start for start in starts if start in config.methods)]):
        one = method_config(config, method)
        check_names(one, option=option_in(config, one.stage, method))


def _check(config: ConfigDict, plan: Sequence[Run]) -> None:
    """Raises `ConfigError` for what would otherwise be noticed only hours later."""
    for field in ("baseline", "shown"):
        if config[field] and config[field] not in config.methods:
            raise ConfigError(f"--config.{field}: unknown method {config[field]!r}")
    fins = [one.config for one in plan if one.config.stage == "fin"]
    for one in fins[:1]:  # they differ in what the plan has checked
        check_sizes(one, option=option_in(config, "fin"))
    for part in PARTS:
        for method in names_in(config, part):
            _check_method(config, method, lengths=config.lengths if part == "length" else ())


def _check_method(config: ConfigDict, method: str, *, lengths: Sequence[float]) -> None:
    """Raises `ConfigError` where the sizes of a method's runs do not fit; names the options."""
    one = method_config(config, method)
    option = option_in(config, one.stage, method)
    check_sizes(one, option=option)
    for window_ms in lengths:
        one.window = f"{window_ms:g}ms"
        check_sizes(one, option=lambda field: "--config.lengths" if field == "window" else option(field))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
