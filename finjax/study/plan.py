"""The plan of a study: its runs in an order in which each finds what it needs."""

import copy
import dataclasses
from pathlib import Path

from ml_collections import ConfigDict

from finjax.configs.feature_list import parse_features
from finjax.data.splits import Split
from finjax.data.windows import duration_ms
from finjax.errors import ConfigError
from finjax.study.dataset import dataset_of
from finjax.study.methods import features_of, fin_config, method_config, option_in
from finjax.study.runs import FIN, Cell, fins_of, make_cells, within_run


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a stage.

    Attributes:
        name: what it is, and its folder below that of the study.
        config: its whole configuration.
        needs: names of the runs whose results it starts from.
    """

    name: str
    config: ConfigDict
    needs: tuple[str, ...] = ()


def make_plan(config: ConfigDict, split: Split, workdir: Path) -> list[Run]:
    """Returns the runs of a study, each once.

    Args:
        config: as `configs/study.py` makes it.
        split: the subjects that are there.
        workdir: folder of the study.

    Raises:
        ConfigError: a method, feature, percentage or horizon that does not exist or does not fit.
    """
    return _Planner(config, split, workdir).plan()


class _Planner:
    def __init__(self, config: ConfigDict, split: Split, workdir: Path):
        self._config, self._split = config, split
        # Braces of the folder's own are not for the tasks to fill in.
        self._folder = str(workdir.resolve()).replace("{", "{{").replace("}", "}}")
        self._runs: dict[str, Run] = {}

    def plan(self) -> list[Run]:
        cells = make_cells(self._config, self._split)
        fins = fins_of(self._config, cells)
        # What lies ahead of time, and other windows, come last: a study that has got half-way has its main tables.
        for fin in fins:
            if fin == FIN(fin.feature):
                self._fin(fin)
        for method in dict.fromkeys(cell.method for cell in cells if cell.part == "cross"):
            self._pooled(method)
        for cell in cells:
            if cell.is_plain:
                self._decoder(cell)
        for fin in fins:
            self._fin(fin)
        for cell in cells:
            self._decoder(cell)
        return list(self._runs.values())

    def _add(self, name: str, config: ConfigDict, needs: tuple[str, ...] = ()) -> str:
        config.lock()
        self._runs.setdefault(name, Run(name=name, config=config, needs=needs))
        return name

    def _fin(self, fin: FIN) -> None:
        config = fin_config(self._config)
        config.target = fin.feature
        config.prediction = (self._steps(fin.horizon_ms, config.step, of="fin.step"),)
        _set_window(config, fin.window_ms)
        self._add(fin.run, config)

    def _pooled(self, method: str) -> str | None:
        """Plans the decoder of the seen subjects that a method starts from; None for a classical one."""
        own = method_config(self._config, method)
        if own.stage == "classical":
            return None
        if own.stage == "raw_cnn":
            name, config = "pooled/raw_cnn", copy.deepcopy(own)
        else:
            features = parse_features(own.features, field=f"methods.{method}.features")
            name = f"pooled/cnn_{'-'.join(features)}"
            config = own if own.stage == "cnn" else self._plain_cnn(own)
        config.pooled, config.subject = True, "seen"
        planned = self._runs.get(name)
        if planned and planned.config.to_dict() != config.to_dict():
            raise ConfigError(
                f"--config.cross: method {method} and one before it would start from different decoders of the seen "
                f"subjects, {name}: they must have the same settings of stage {config.stage}"
            )
        return self._add(name, config)

    def _plain_cnn(self, own: ConfigDict) -> ConfigDict:
        """Returns the configuration of a CNN on closed-form features of the shape that a FIN decoder has."""
        config = method_config(self._with_method({"stage": "cnn", "features": own.features}), "_")
        shape = copy.deepcopy(own.cnn)
        shape.dropout = config.cnn.dropout
        config.cnn = shape
        return config

    def _with_method(self, method: dict) -> ConfigDict:
        config = copy.deepcopy(self._config)
        config.unlock()
        config.methods = ConfigDict({"_": method})
        return config

    def _decoder(self, cell: Cell) -> str:
        if cell.run in self._runs:
            return cell.run
        config, needs = method_config(self._config, cell.method), []
        config.subject, config.percentage = str(cell.subject), cell.percentage
        config.prediction = (self._steps(cell.horizon_ms, config.step, of="step"),)
        _set_window(config, cell.window_ms)
        if features := features_of(self._config, cell.method):
            needs += [FIN(feature, cell.horizon_ms, cell.window_ms).run for feature in features]
            config.fine_tune.fins = f"{self._folder}/{FIN('{feature}', cell.horizon_ms, cell.window_ms).run}"
        if cell.part == "cross":
            if start := self._pooled(cell.method):
                needs.append(start)
                config.fine_tune.cnn_init = f"{self._folder}/{start}/pooled"
        elif start := self._config.methods[cell.method].get("start"):
            needs.append(self._started(cell, start))
            config.fine_tune.cnn_init = f"{self._folder}/{needs[-1]}/subject_{cell.subject}"
        return self._add(cell.run, config, tuple(needs))

    def _started(self, cell: Cell, start: str) -> str:
        """Plans the decoder of the same subject, horizon and window length that a method starts from."""
        where = f"methods.{cell.method}.start={start}"
        if start not in self._config.methods or self._config.methods[start].get("start"):
            raise ConfigError(f"{where}: name a method that starts from no other")
        ours, theirs = (_shape(method_config(self._config, method)) for method in (cell.method, start))
        if differing := [field for field in ours if ours[field] != theirs.get(field)]:
            pairs = (
                f"{self._set(cell.method, field, ours)} and {self._set(start, field, theirs)}" for field in differing
            )
            raise ConfigError(f"--config.{where}: these must be equal: {'; '.join(pairs)}")
        run = within_run(start, cell.subject) if cell.is_plain else cell.run.replace(f"/{cell.method}/", f"/{start}/")
        return self._decoder(dataclasses.replace(cell, method=start, run=run))

    def _set(self, method: str, field: str, shape: dict) -> str:
        """Returns the option that sets a field of a method, and its value, for a message."""
        stage = self._config.methods[method].stage
        value = shape.get(field)
        if value is None:
            return f"method {method} of stage {stage}, which has no {field}"
        shown = ",".join(map(str, value)) if isinstance(value, tuple | list) else value
        return f"{option_in(self._config, stage, method)(field)}={shown}"

    def _steps(self, horizon_ms: float, step: str, *, of: str) -> int:
        """Converts a horizon to steps from window to window; raises `ConfigError` where they are not whole."""
        steps = horizon_ms / duration_ms(step, dataset_of(self._config.data).rate_hz, option=f"--config.{of}")
        if abs(steps - round(steps)) > 1e-6:
            raise ConfigError(
                f"--config.horizons: {horizon_ms:g} ms is {steps:g} steps of --config.{of}={step}; "
                "it must be a whole number"
            )
        return round(steps)


def _set_window(config: ConfigDict, window_ms: float) -> None:
    if window_ms:
        config.window = f"{window_ms:g}ms"


def _shape(config: ConfigDict) -> dict:
    """Returns what a decoder must have in common with the one it starts from."""
    shape = {f"cnn.{field}": value for field, value in config.get("cnn", {}).items() if field != "dropout"}
    return {"features": config.get("features"), **shape}
