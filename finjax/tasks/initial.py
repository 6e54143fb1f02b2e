"""Decoders before their training, with random weights or with weights of trained FINs or a trained decoder."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from finjax.configs.build import align_of, build_decoder, patterns_of
from finjax.configs.feature_list import parse_features
from finjax.configs.fields import CNN_INIT, FINS
from finjax.configs.rules import Folder, check
from finjax.configs.settings import DecoderStage, FeatureDecoderStage, FineTuneStage
from finjax.data.normalise import (
    FeatureNormaliser,
    SignalNormaliser,
    fit_feature_normaliser,
    stack_feature_normalisers,
)
from finjax.data.windows import Windows
from finjax.devices import parallel
from finjax.errors import ConfigError, option_of
from finjax.inference.model import DecoderModel, FINModel
from finjax.inference.restored import load_decoder, load_fin
from finjax.models.decoders import DecoderNetwork, FINDecoder, VirtualFeatureDecoder
from finjax.models.discriminant import empty_discriminant
from finjax.models.patterns import common_spatial_patterns
from finjax.models.stack import TrainedFIN, stack_fins
from finjax.system import processes
from finjax.tasks.compatibility import (
    refuse_copies,
    refuse_known_subjects,
    refuse_tested_on_training_data,
    refuse_unfit_fin,
    refuse_unfit_start,
)
from finjax.tasks.inputs import features_seen
from finjax.tasks.normalisation import Statistics, fit_statistics
from finjax.tasks.task import Task
from finjax.training.alignment import no_alignment
from finjax.training.keys import initialisation_key

Repetitions = Mapping[int, tuple[int, ...]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InitialDecoder:
    """A decoder before its training.

    Attributes:
        decoder: the network.
        params: its parameters, on the host.
        stats: its running statistics.
        features: names of its features, in order.
        feature: their standardisation.
        statistics: z-scores of the task's subjects.
        trained_on: repetitions that its initial weights were fitted to, by subject.
        of_others: whether it starts from a decoder that was trained on other people alone.
    """

    decoder: DecoderNetwork
    params: Any
    stats: Any
    features: tuple[str, ...]
    feature: FeatureNormaliser
    statistics: Statistics
    trained_on: Repetitions
    of_others: bool


def features_of(task: Task[DecoderStage]) -> tuple[str, ...]:
    """Returns the names of the features of a decoder's configuration, in order."""
    if isinstance(task.settings, FeatureDecoderStage):
        return parse_features(task.settings.features, field="features")
    return ()


def decoder_of(task: Task[DecoderStage], features: Sequence[str]) -> DecoderNetwork:
    """Returns the network of a task, set up for its batches."""
    return build_decoder(
        task.settings,
        features=features,
        channels=len(task.store.channel_names),
        classes=len(task.store.movement_names),
        length=task.framing.length,
        batch_size=parallel.share_size(task.settings.train.batch_size),
    )


def initial_decoder(task: Task[DecoderStage], fitted: Windows, *, share: Windows) -> InitialDecoder:
    """Returns a decoder with its initial weights and statistics.

    Args:
        task: the task; `config.fine_tune` names the initial weights.
        fitted: windows to fit the decoder to; none for a zero-shot test.
        share: the windows in `fitted` and the validation windows; the z-scores are fitted to all of them.

    Raises:
        ConfigError: the decoder cannot start from the named run, or a zero-shot test has untrained weights.
        CheckpointError: a checkpoint is missing, does not fit, or was trained on data of the test.
    """
    settings, features = task.settings, features_of(task)
    fins = _pretrained_fins(task, features)
    start = _load_start(task, features)
    if not len(fitted) and (start is None or fin_init_of(settings) == "random"):
        raise ConfigError(
            "--config.percentage=0 tests without training anything: name a decoder of other people "
            "(--config.fine_tune.cnn_init=FOLDER), and do not start from random FINs"
        )
    trained_on = merge(*(source.trained_on for source in (*fins.values(), *([start] if start else []))))
    refuse_tested_on_training_data(trained_on, task.split)
    refuse_copies(trained_on, task)
    if not len(fitted):
        refuse_known_subjects(trained_on, task.store.subjects)

    decoder, channels = decoder_of(task, features), len(task.store.channel_names)
    statistics = fit_statistics(task, share, start=start)
    patterns = _patterns(task, start, fitted, signal=statistics.signal)
    feature = _standardisation(task, features, fins, start, fitted, signal=statistics.signal, patterns=patterns)
    key_fins, key_cnn = jax.random.split(initialisation_key(settings.seed))
    params = {}
    if start is None:
        params["cnn"], stats = processes.from_first(lambda: decoder.init_cnn(key_cnn, channels=channels))
    else:
        params["cnn"], stats = start.params["cnn"], start.stats
    if decoder.read_out_weight:
        rows, *_ = decoder.cnn_input(channels=channels)
        empty = empty_discriminant(features=rows * len(features), classes=len(task.store.movement_names))
        params["read_out"] = start.params.get("read_out", empty) if start else empty
    if fins:
        trained = [TrainedFIN(params=fins[name].params, feature=fins[name].feature) for name in features]
        params["fins"] = stack_fins(trained, feature, channels=channels if patterns is None else len(patterns))
    elif start is not None and fin_init_of(settings) == "decoder":
        params["fins"] = start.params["fins"]
    elif isinstance(decoder, FINDecoder):
        params["fins"] = processes.from_first(lambda: decoder.init_fins(key_fins))

    if patterns is not None:
        params["patterns"] = patterns
    if isinstance(decoder, VirtualFeatureDecoder):
        params["standardisation"] = vars(feature)
    if align_of(settings):
        params["alignment"] = start.params["alignment"] if start else no_alignment(decoder, channels=channels)

    params, stats = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), (params, stats))
    return InitialDecoder(
        decoder=decoder, params=params, stats=stats, features=features, feature=feature, statistics=statistics,
        trained_on=trained_on, of_others=start is not None and not set(start.trained_on) & set(task.store.subjects),
    )  # fmt: skip


def merge(*parts: Repetitions) -> Repetitions:
    """Returns all repetitions that several models were trained on, by subject."""
    subjects = sorted({subject for part in parts for subject in part})
    return {s: tuple(sorted({r for part in parts for r in part.get(s, ())})) for s in subjects}


def _pretrained_fins(task: Task[DecoderStage], features: Sequence[str]) -> dict[str, FINModel]:
    """Loads the FIN of each feature, if the configuration asks for trained FINs."""
    if fin_init_of(task.settings) != "pretrained":
        return {}
    fins = {}
    for feature in features:
        path = _path(task, "fins", FINS, feature=feature)
        fins[feature] = load_fin(path)
        refuse_unfit_fin(fins[feature], feature, task, path=path)
    return fins


def _load_start(task: Task[DecoderStage], features: Sequence[str]) -> DecoderModel | None:
    """Loads the decoder to start from, if the configuration names one."""
    settings = task.settings
    from_decoder = fin_init_of(settings) == "decoder"
    if not settings.fine_tune.cnn_init:
        if from_decoder:
            raise ConfigError("--config.fine_tune.fin_init=decoder: name the decoder with --config.fine_tune.cnn_init")
        return None
    path = _path(task, "cnn_init", CNN_INIT)
    start = load_decoder(path, step=settings.fine_tune.cnn_step)
    allowed = {"cnn": ("cnn",), "raw_cnn": ("raw_cnn",), "fine_tune": ("cnn", "fine_tune")}[settings.stage]
    if from_decoder:
        allowed = ("fine_tune",)
    if start.kind not in allowed:
        raise ConfigError(
            f"{path} holds a decoder of stage {start.kind}: name one of stage {' or '.join(allowed)} "
            "(--config.fine_tune.cnn_init)"
        )
    refuse_unfit_start(start, features, task, path=path)
    return start


def _patterns(
    task: Task[DecoderStage], start: DecoderModel | None, fitted: Windows, *, signal: SignalNormaliser
) -> np.ndarray | None:
    """Returns the weights of the virtual channels `[V, C]`, those of the decoder to start from or fitted ones."""
    if not patterns_of(task.settings):
        return None
    if start is not None:
        return start.params["patterns"]
    covariances = task.covariances([0], fitted, signal)[:, 0]
    return processes.from_first(
        lambda: common_spatial_patterns(
            covariances,
            fitted.movement,
            patterns=patterns_of(task.settings),
            classes=len(task.store.movement_names),
        )
    )


def fin_init_of(settings: DecoderStage) -> str:
    """Returns the source of the FINs' weights; empty if the decoder has no FINs."""
    return settings.fine_tune.fin_init if isinstance(settings, FineTuneStage) else ""


def _path(task: Task[DecoderStage], field: str, rule: Folder, **names: str) -> str:
    """Returns the folder that a field of `fine_tune` names, such as `runs/fin_{feature}`, with the names filled in."""
    pattern = getattr(task.settings.fine_tune, field)
    check(rule, pattern, option=option_of(f"fine_tune.{field}"))
    subject = "_".join(map(str, task.store.subjects))
    return pattern.format(**names, subject=subject, horizon=task.framing.horizon)


def _standardisation(
    task: Task[DecoderStage],
    features: Sequence[str],
    fins: Mapping[str, FINModel],
    start: DecoderModel | None,
    fitted: Windows,
    *,
    signal: SignalNormaliser,
    patterns: np.ndarray | None,
) -> FeatureNormaliser:
    """Returns the standardisation of the decoder to start from, else of the FINs, else one fitted to the windows."""
    if start is not None:
        return start.feature
    if fins:
        return stack_feature_normalisers([fins[name].feature for name in features])
    if not features:
        return FeatureNormaliser(mean=np.zeros(1, np.float32), std=np.ones(1, np.float32))  # nothing reads it
    values = features_seen(task, features, fitted, signal, patterns=patterns)
    return stack_feature_normalisers([fit_feature_normaliser(values[..., f]) for f in range(len(features))])
