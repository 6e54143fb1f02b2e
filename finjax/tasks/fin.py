"""Training and evaluating FINs: one network per feature and horizon."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from finjax.configs.build import stage_optimiser
from finjax.configs.settings import FINStage
from finjax.data.gather import WindowData
from finjax.data.normalise import FeatureNormaliser, SignalNormaliser, fit_feature_normaliser
from finjax.data.number_lists import format_numbers
from finjax.data.source import framing_of, load_store
from finjax.data.splits import TEST_PARTS
from finjax.data.windows import Windows
from finjax.devices import parallel
from finjax.errors import DataError
from finjax.evaluation import report
from finjax.evaluation.regression import score, score_by_group
from finjax.features import get_feature
from finjax.inference.model import FINModel
from finjax.inference.restored import load_fin
from finjax.models.fin import build_fin
from finjax.models.initialisers import jitted_init
from finjax.models.patterns import mix, random_weights
from finjax.system import processes
from finjax.system.console import say
from finjax.system.files import write_json
from finjax.tasks import compatibility
from finjax.tasks.normalisation import Statistics, fit_statistics, stored_statistics
from finjax.tasks.task import Task
from finjax.training.keys import initialisation_key
from finjax.training.logs import describe_run
from finjax.training.loop import Problem
from finjax.training.losses import FINData, FINLoss, RandomMixtures
from finjax.training.predict import imitated_features
from finjax.training.run_trainer import RunTrainer
from finjax.training.step import TrainState

if TYPE_CHECKING:
    from finjax.evaluation import figures

MIXED_WINDOWS = 500  # of each part, for the score on mixtures
WATCHED_WINDOWS = 100  # of each part, for the curves drawn during training


def run_fin(settings: FINStage, workdir: Path, *, mode: str) -> None:
    """Trains (unless `mode` is `"evaluate"`) and evaluates one FIN for each horizon of the configuration.

    Without test repetitions, it is not evaluated.

    Several horizons go to folders `prediction_0`, `prediction_3`, … of the working directory.
    """
    horizons = settings.prediction
    store, split = load_store(settings.data)
    results = {}
    for horizon in horizons:
        folder = workdir if len(horizons) == 1 else workdir / f"prediction_{horizon}"
        framing = framing_of(window=settings.window, step=settings.step, rate_hz=store.rate_hz, horizon=horizon)
        task = Task(settings=settings, store=store, split=split, framing=framing)
        if mode == "train":
            train(task, folder)
        if mode == "evaluate" or split.test_repetitions:
            results[horizon] = evaluate(task, folder)
    if len(results) > 1 and processes.is_first():
        summary = [
            {"horizon_ms": r["horizon_ms"], **{part: r[part]["r2"] for part in TEST_PARTS if part in r}}
            for r in results.values()
        ]
        write_json(workdir / "horizons.json", summary)
        say(report.horizon_table(summary, settings.target))
        from finjax.evaluation import figures  # importing matplotlib takes half a second

        figures.horizons(workdir / "horizons.png", summary, label=get_feature(settings.target).label)


def train(task: Task[FINStage], workdir: Path) -> None:
    """Trains a FIN, or resumes the run in `workdir`."""
    settings = task.settings
    compatibility.refuse_another_run(workdir, task)
    windows = task.part("train")
    if not len(windows):
        raise DataError(
            f"nothing to train on: seen subjects {format_numbers(task.split.seen_subjects) or '(none)'} have no "
            f"window in the training repetitions {format_numbers(task.split.train_repetitions) or '(none)'}: "
            "set --config.data.seen_subjects or --config.data.train_repetitions"
        )
    statistics = fit_statistics(task, windows)
    signal = statistics.signal
    values = _true_values(task, windows, signal)
    feature = fit_feature_normaliser(values)
    network = build_fin(settings.model)
    empty = jnp.zeros((1, task.framing.length))
    params = processes.from_first(lambda: jitted_init(network)(initialisation_key(settings.seed), empty)["params"])
    data = FINData(
        windows=WindowData.of(task.store, signal, windows), target=feature.standardise(values), feature=feature
    )
    problem = Problem(
        params=params,
        loss=FINLoss(
            network=network,
            length=task.framing.length,
            noise=settings.train.shadow_noise,
            mixtures=_mixtures(task),
        ),
        optimiser=stage_optimiser(settings),
        tile=parallel.tile_size(parallel.share_size(settings.train.batch_size)),
        data=data,
        examples=values.size,
        normalisers={"signal": vars(signal), "feature": vars(feature)},
        info=_describe(task, statistics),
        watch=_watcher(task, signal, feature),
    )
    RunTrainer(problem, settings.trainer, workdir=workdir, files=settings.run_files).run()


def evaluate(task: Task[FINStage], workdir: Path) -> dict:
    """Restores the run in `workdir`, scores it on the test repetitions, writes `eval/` and prints a table.

    Returns:
        The scores that `eval/metrics.json` holds.
    """
    from finjax.evaluation import figures  # importing matplotlib takes half a second

    settings = task.settings
    model = load_fin(workdir, step=settings.checkpoint.use)
    compatibility.refuse_another_model(model, task)
    compatibility.refuse_tested_on_training_data(model.trained_on, task.split)
    compatibility.refuse_copies(model.trained_on, task)
    compatibility.refuse_other_seen_subjects(model, task.split)
    statistics = stored_statistics(task, model)
    signal = statistics.signal
    result = {
        "target": settings.target,
        "horizon_ms": model.horizon_ms,
        "dataset": task.store.dataset,
        "checkpoint_step": model.step,
        "seed": model.config.seed,
    }
    shown = {}
    for part in TEST_PARTS:
        windows = task.part(part, most=settings.evaluate.max_windows)
        if not len(windows):
            continue
        true = _true_values(task, windows, signal)
        output = imitated_features(
            model.network,
            model.params,
            parallel.replicate(WindowData.of(task.store, signal, windows)),
            windows=len(windows),
            length=task.framing.length,
            batch_size=settings.evaluate.batch_size,
        )
        predicted = model.feature.restore(output)
        result[part] = {
            "windows_available": len(task.part(part)),
            "statistics_from": statistics.of(np.unique(task.subjects(windows))),
            **score_by_group(true, predicted, task.subjects(windows), task.store.channel_names),
        }
        if model.config.train.mixtures:
            result[part]["mixtures"] = _score_on_mixtures(task, model, windows, signal)
        shown[part] = figures.Predictions(true=true, predicted=predicted, windows=windows)
    if not shown:
        raise DataError(
            "none of the subjects has a window in the test repetitions "
            f"{format_numbers(task.split.test_repetitions)}: set --config.data.test_repetitions"
        )
    if processes.is_first():
        _write_evaluation(task, workdir / "eval", result, shown, signal)
    return result


def _score_on_mixtures(
    task: Task[FINStage], model: FINModel, windows: Windows, signal: SignalNormaliser
) -> dict[str, float]:
    """Scores a FIN on random mixtures of the channels, as many as there are channels, in some of the windows."""
    some, channels = windows.spread(MIXED_WINDOWS), len(task.store.channel_names)
    count = len(some)
    data, length = WindowData.of(task.store, signal, some), task.framing.length
    keys = jax.random.split(jax.random.key(task.settings.seed), (count, channels))
    weights = jax.vmap(jax.vmap(lambda key: random_weights(key, channels=channels)))(keys)  # [n, M, C]

    def mixed(lead: int) -> jax.Array:
        return mix(weights, data.gather_all(jnp.arange(count), length=length, lead=lead))

    true = get_feature(task.settings.target).direct(mixed(task.framing.lead))
    imitated = model(mixed(0).reshape(-1, length)).reshape(true.shape)
    return score(np.asarray(true), np.asarray(imitated))


def _write_evaluation(
    task: Task[FINStage], folder: Path, result: dict, shown: "dict[str, figures.Predictions]", signal: SignalNormaliser
) -> None:
    from finjax.evaluation import figures  # importing matplotlib takes half a second

    settings = task.settings
    write_json(folder / "metrics.json", {**result, "run": describe_run(settings.record)})
    say(report.fin_table(result, folder))
    label = get_feature(settings.target).label
    figures.r2_distribution(folder / "r2_distribution.png", result, label=label)
    figures.scatter(folder / "predicted_vs_true.png", shown, label=label)
    figures.examples(folder / "examples.png", shown, store=task.store, signal=signal, framing=task.framing, label=label)


def _mixtures(task: Task[FINStage]) -> RandomMixtures | None:
    share = task.settings.train.mixtures
    return RandomMixtures(share=share, feature=task.settings.target, lead=task.framing.lead) if share else None


def _describe(task: Task[FINStage], statistics: Statistics) -> dict:
    """Returns the description of a FIN in its checkpoint, in JSON types."""
    about = {"kind": "fin", "target": task.settings.target, "statistics_from": statistics.in_json()}
    return {**about, **task.describe(part="train")}


def _true_values(task: Task[FINStage], windows: Windows, signal: SignalNormaliser) -> np.ndarray:
    """Returns the closed-form feature `[n, C]` of the windows to be predicted."""
    return task.features([task.settings.target], windows, signal, ahead=True)[..., 0]


def _watcher(
    task: Task[FINStage], signal: SignalNormaliser, feature: FeatureNormaliser
) -> Callable[[TrainState], dict[str, float]]:
    """Returns a function that scores a state on a few test windows, for learning curves."""
    settings = task.settings
    network = build_fin(settings.model)

    @functools.cache
    def watched() -> dict[str, tuple[WindowData, np.ndarray]]:
        parts = {part: task.part(part, most=WATCHED_WINDOWS) for part in TEST_PARTS}
        return {
            part: (
                parallel.replicate(WindowData.of(task.store, signal, windows)),
                _true_values(task, windows, signal),
            )
            for part, windows in parts.items()
            if len(windows)
        }

    def watch(state: TrainState) -> dict[str, float]:
        scores = {}
        for part, (data, true) in watched().items():
            output = imitated_features(
                network,
                state.params,
                data,
                windows=len(true),
                length=task.framing.length,
                batch_size=settings.evaluate.batch_size,
            )
            scores[f"{part}.r2"] = score(true, feature.restore(output))["r2"]
        return scores

    return watch
