"""The plan of a study: its runs, each after the runs that it needs."""

import copy
import dataclasses
from pathlib import Path

from ml_collections import ConfigDict

from finjax.configs.feature_list import parse_features
from finjax.data.durations import duration_ms
from finjax.data.splits import Split
from finjax.errors import ConfigError
from finjax.study.dataset import dataset_of
from finjax.study.experiments import Experiment, FINRun, fin_runs_of, make_experiments, within_run
from finjax.study.methods import features_of, fin_config, method_config, option_in
from finjax.system.paths import literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a stage.

    Attributes:
        name: name of the run, and its folder in the study's folder.
        config: its whole configuration.
        needs: names of the runs that it starts from.
    """

    name: str
    config: ConfigDict
    needs: tuple[str, ...] = ()


def make_plan(config: ConfigDict, split: Split, workdir: Path) -> list[Run]:
    """Returns the runs of a study, each once.

    Args:
        config: as `configs/study.py` makes it.
        split: subjects and repetitions.
        workdir: folder of the study.

    Raises:
        ConfigError: a method, feature or horizon does not exist or does not fit.
    """
    return _Planner(config, split, workdir).plan()


class _Planner:
    def __init__(self, config: ConfigDict, split: Split, workdir: Path):
        self._config, self._split = config, split
        self._folder = literal(workdir.resolve())
        self._runs: dict[str, Run] = {}

    def plan(self) -> list[Run]:
        experiments = make_experiments(self._config, self._split)
        fins = fin_runs_of(self._config, experiments)
        # Other horizons and window lengths come last, so that a study that stops early has its main tables.
        for fin in fins:
            if fin == FINRun(fin.feature):
                self._fin(fin)
        for method in dict.fromkeys(one.method for one in experiments if one.part == "cross"):
            self._pooled(method)
        for experiment in experiments:
            if experiment.is_plain:
                self._decoder(experiment)
        for fin in fins:
            self._fin(fin)
        for experiment in experiments:
            self._decoder(experiment)
        return list(self._runs.values())

    def _add(self, name: str, config: ConfigDict, needs: tuple[str, ...] = ()) -> str:
        config.lock()
        self._runs.setdefault(name, Run(name=name, config=config, needs=needs))
        return name

    def _fin(self, fin: FINRun) -> None:
        config = fin_config(self._config)
        config.target = fin.feature
        config.prediction = (self._steps(fin.horizon_ms, config.step, of="fin.step"),)
        _set_window(config, fin.window_ms)
        self._add(fin.run, config)

    def _pooled(self, method: str) -> str | None:
        """Plans the decoder of the seen subjects that a method starts from; returns None for a classical method."""
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
                f"--config.cross: method {method} and an earlier one would start from different decoders of the seen "
                f"subjects ({name}); give both the same settings of stage {config.stage}"
            )
        return self._add(name, config)

    def _plain_cnn(self, own: ConfigDict) -> ConfigDict:
        """Returns the configuration of a CNN on closed-form features, of the same shape as the CNN of stage 3."""
        config = method_config(self._with_method({"stage": "cnn", "features": own.features}), "_")
        shape = copy.deepcopy(own.cnn)
        shape.dropout = config.cnn.dropout
        shape.shadows = own.model.shadows
        config.cnn, config.patterns = shape, own.patterns
        return config

    def _with_method(self, method: dict) -> ConfigDict:
        config = copy.deepcopy(self._config)
        config.unlock()
        config.methods = ConfigDict({"_": method})
        return config

    def _decoder(self, experiment: Experiment) -> str:
        if experiment.run in self._runs:
            return experiment.run
        config, needs = method_config(self._config, experiment.method), list[str]()
        config.subject, config.percentage = str(experiment.subject), experiment.percentage
        config.prediction = (self._steps(experiment.horizon_ms, config.step, of="step"),)
        _set_window(config, experiment.window_ms)
        if features := features_of(self._config, experiment.method):
            needs += [FINRun(feature, experiment.horizon_ms, experiment.window_ms).run for feature in features]
            config.fine_tune.fins = (
                f"{self._folder}/{FINRun('{feature}', experiment.horizon_ms, experiment.window_ms).run}"
            )
        if experiment.part == "cross":
            if start := self._pooled(experiment.method):
                needs.append(start)
                config.fine_tune.cnn_init = f"{self._folder}/{start}/pooled"
        elif start := self._config.methods[experiment.method].get("start"):
            needs.append(self._started(experiment, start))
            config.fine_tune.cnn_init = f"{self._folder}/{needs[-1]}/subject_{experiment.subject}"
        return self._add(experiment.run, config, tuple(needs))

    def _started(self, experiment: Experiment, start: str) -> str:
        """Plans the decoder that a method starts from: of the same subject, horizon and window length."""
        where = f"--config.methods.{experiment.method}.start={start}"
        if start not in self._config.methods or self._config.methods[start].get("start"):
            raise ConfigError(f"{where}: name a method that itself starts from no other")
        ours, theirs = (_shape(method_config(self._config, method)) for method in (experiment.method, start))
        if differing := [field for field in ours if ours[field] != theirs.get(field)]:
            pairs = (
                f"{self._set(experiment.method, field, ours)} and {self._set(start, field, theirs)}"
                for field in differing
            )
            raise ConfigError(f"{where}: these must be equal: {'; '.join(pairs)}")
        run = experiment.run.replace(f"/{experiment.method}/", f"/{start}/")
        if experiment.is_plain:
            run = within_run(start, experiment.subject)
        return self._decoder(dataclasses.replace(experiment, method=start, run=run))

    def _set(self, method: str, field: str, shape: dict) -> str:
        """Returns the option that sets a field of a method with its value, for a message."""
        stage = self._config.methods[method].stage
        value = shape.get(field)
        if value is None:
            return f"method {method} of stage {stage}, which has no {field}"
        shown = ",".join(map(str, value)) if isinstance(value, tuple | list) else value
        if stage == "fine_tune" and field == "cnn.shadows":
            field = "model.shadows"
        return f"{option_in(self._config, stage, method)(field)}={shown}"

    def _steps(self, horizon_ms: float, step: str, *, of: str) -> int:
        """Returns a horizon in window steps; raises `ConfigError` if it is not a whole number of steps."""
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
    """Returns the fields that must be equal in a decoder and the one it starts from."""
    shape = {f"cnn.{field}": value for field, value in config.get("cnn", {}).items() if field != "dropout"}
    if config.stage == "fine_tune":
        shape["cnn.shadows"] = config.model.shadows  # the CNN takes as many as the FINs give
    return {"features": config.get("features"), "patterns": config.get("patterns"), **shape}
