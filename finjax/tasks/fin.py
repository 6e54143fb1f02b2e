"""Training and evaluating FINs: one network per feature and horizon."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from finjax.data.gather import WindowData
from finjax.data.normalise import FeatureNormaliser, SignalNormaliser, fit_feature_normaliser, fit_signal_normaliser
from finjax.data.numbers import format_numbers
from finjax.data.sliding import feature_values
from finjax.data.source import framing_of, load_store
from finjax.data.splits import TEST_PARTS, Split
from finjax.data.windows import Framing, SignalStore, Windows, index_windows
from finjax.errors import ConfigError, DataError
from finjax.evaluation import figures, report
from finjax.evaluation.predict import Predictor
from finjax.evaluation.regression import score, score_by_group
from finjax.features import get_feature
from finjax.models.fin import build_fin
from finjax.restored import FINModel, load
from finjax.tasks import compatibility
from finjax.training import parallel
from finjax.training.logs import describe_run, write_json
from finjax.training.loop import Problem, Trainer
from finjax.training.losses import FINData, make_fin_loss

WATCHED_WINDOWS = 100  # of each part, for the curves drawn during training


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINTask:
    """One FIN to train or evaluate: the signals, the split, the feature and the horizon."""

    config: ConfigDict
    store: SignalStore
    split: Split
    framing: Framing

    @functools.cached_property
    def windows(self) -> Windows:
        """All windows whose predicted window lies in the same segment."""
        return index_windows(self.store.segments, self.framing)

    def subjects(self, windows: Windows) -> np.ndarray:
        """Returns the subject number of each window, `[n]`."""
        return np.array(self.store.subjects)[windows.subject]

    def part(self, name: str, *, most: int = 0) -> Windows:
        """Returns the windows of a part of the split, or `most` of them, evenly spaced (0: all)."""
        windows = self.windows
        chosen = np.flatnonzero(self.split.select(self.subjects(windows), windows.repetition, part=name))
        if most and len(chosen) > most:
            chosen = chosen[np.linspace(0, len(chosen) - 1, most).round().astype(int)]
        return windows[chosen]

    def true_values(self, windows: Windows, normaliser: SignalNormaliser) -> np.ndarray:
        """Returns the closed-form feature `[n, C]` of the windows to be predicted."""
        feature = get_feature(self.config.target)
        return feature_values(self.store, normaliser, windows, framing=self.framing, feature=feature)

    def fit_signal(self) -> SignalNormaliser:
        """Fits the z-score of every subject away from the test repetitions."""
        return fit_signal_normaliser(
            self.store, test_repetitions=self.split.test_repetitions, limit_sd=self.config.limit_sd
        )


def run(config: ConfigDict, workdir: Path, *, mode: str) -> None:
    """Trains (unless `mode` is `"evaluate"`) and evaluates one FIN for each horizon of the configuration.

    Several horizons go to folders `prediction_0`, `prediction_3`, … of the working directory.
    """
    get_feature(config.target)  # before the data is read
    if not config.prediction or not all(isinstance(p, int) and p >= 0 for p in config.prediction):
        raise ConfigError(f"--config.prediction={config.prediction}: whole numbers of 0 or more, as 3 or 0,3,10")
    store, split = load_store(config.data)
    results = {}
    for horizon in config.prediction:
        folder = workdir if len(config.prediction) == 1 else workdir / f"prediction_{horizon}"
        framing = framing_of(config, store.rate_hz, horizon=horizon)
        task = FINTask(config=config, store=store, split=split, framing=framing)
        if mode == "train":
            train(task, folder)
        results[horizon] = evaluate(task, folder)
    if len(results) > 1:
        summary = [
            {"horizon_ms": r["horizon_ms"], **{part: r[part]["r2"] for part in TEST_PARTS if part in r}}
            for r in results.values()
        ]
        write_json(workdir / "horizons.json", summary)
        figures.horizons(workdir / "horizons.png", summary, label=get_feature(config.target).label)
        print(report.horizon_table(summary, config.target))


def train(task: FINTask, workdir: Path) -> None:
    """Trains a FIN, or goes on where the run in `workdir` stopped."""
    config = task.config
    compatibility.refuse_another_run(workdir, config, task.framing, store=task.store, split=task.split)
    windows = task.part("train")
    if not len(windows):
        raise DataError(
            f"nothing to train on: seen subjects {format_numbers(task.split.seen_subjects) or '(none)'} have no "
            f"window in the training repetitions {format_numbers(task.split.train_repetitions) or '(none)'}"
        )
    signal = task.fit_signal()
    values = task.true_values(windows, signal)
    feature = fit_feature_normaliser(values)
    network = build_fin(config.model)
    empty = jnp.zeros((1, task.framing.length))
    params = jax.jit(network.init)(jax.random.key(config.seed), empty)["params"]
    data = FINData(windows=WindowData.of(task.store, signal, windows), target=feature.standardise(values))
    problem = Problem(
        params=params,
        loss=make_fin_loss(network, length=task.framing.length, noise=config.train.shadow_noise),
        data=data,
        examples=values.size,
        normalisers={"signal": vars(signal), "feature": vars(feature)},
        info=_describe(task),
        watch=_watcher(task, signal, feature),
    )
    Trainer(problem, config, workdir).run()


def evaluate(task: FINTask, workdir: Path) -> dict:
    """Restores the run in `workdir`, scores it on the test repetitions, writes `eval/` and prints a table.

    Returns:
        What `eval/metrics.json` holds.
    """
    config = task.config
    model = load(workdir, step=config.checkpoint.use)
    compatibility.refuse_another_model(model, config, task.framing, store=task.store)
    compatibility.refuse_trained_as_tested(model, task.split)
    signal = _signal_normaliser(model, task)
    predictor = Predictor(model.network, length=task.framing.length, batch_size=config.evaluate.batch_size)
    result = {
        "target": config.target,
        "horizon_ms": model.horizon_ms,
        "dataset": task.store.dataset,
        "checkpoint_step": model.step,
        "seed": model.config.seed,
    }
    shown = {}
    for part in TEST_PARTS:
        windows = task.part(part, most=config.evaluate.max_windows)
        if not len(windows):
            continue
        true = task.true_values(windows, signal)
        output = predictor(model.params, parallel.replicate(WindowData.of(task.store, signal, windows)))
        predicted = model.feature.restore(output)
        result[part] = {
            "windows_available": len(task.part(part)),
            **score_by_group(true, predicted, task.subjects(windows), task.store.channel_names),
        }
        shown[part] = figures.Predictions(true=true, predicted=predicted, windows=windows)
    if not shown:
        raise DataError(
            f"none of the subjects has a window in the test repetitions {format_numbers(task.split.test_repetitions)}"
        )
    folder = workdir / "eval"
    write_json(folder / "metrics.json", {**result, "run": describe_run(config)})
    label = get_feature(config.target).label
    figures.r2_distribution(folder / "r2_distribution.png", result, label=label)
    figures.scatter(folder / "predicted_vs_true.png", shown, label=label)
    figures.examples(folder / "examples.png", shown, store=task.store, signal=signal, framing=task.framing, label=label)
    print(report.fin_table(result, folder))
    return result


def _describe(task: FINTask) -> dict:
    """Returns what a checkpoint says of its model, JSON."""
    return {
        "kind": "fin",
        "target": task.config.target,
        "framing": dataclasses.asdict(task.framing),
        "rate_hz": task.store.rate_hz,
        "dataset": task.store.dataset,
        "split": dataclasses.asdict(task.split),
        "config": task.config.to_dict(),
    }


def _watcher(task: FINTask, signal: SignalNormaliser, feature: FeatureNormaliser) -> Callable[[Any], dict[str, float]]:
    """Returns a function that scores parameters on a few test windows, for learning curves."""
    config = task.config
    predictor = Predictor(build_fin(config.model), length=task.framing.length, batch_size=config.evaluate.batch_size)

    @functools.cache
    def watched() -> dict[str, tuple[WindowData, np.ndarray]]:
        parts = {part: task.part(part, most=WATCHED_WINDOWS) for part in TEST_PARTS}
        return {
            part: (parallel.replicate(WindowData.of(task.store, signal, windows)), task.true_values(windows, signal))
            for part, windows in parts.items()
            if len(windows)
        }

    def watch(params) -> dict[str, float]:
        return {
            f"{part}.r2": score(true, feature.restore(predictor(params, data)))["r2"]
            for part, (data, true) in watched().items()
        }

    return watch


def _signal_normaliser(model: FINModel, task: FINTask) -> SignalNormaliser:
    """Returns the stored z-score of the task's subjects, and that of new ones from their own recordings."""
    fitted = task.fit_signal().replace(limit=model.signal.limit)
    stored = {subject: row for row, subject in enumerate(np.asarray(model.signal.subjects).tolist())}
    for row, subject in enumerate(task.store.subjects):
        if subject in stored:
            fitted.mean[row] = model.signal.mean[stored[subject]]
            fitted.std[row] = model.signal.std[stored[subject]]
    return fitted
