"""The configuration of each stage as frozen, typed settings.

`finjax.configs.parsing` makes them from a `ConfigDict`, once for each run. Field and group names are those of the
configuration: `--config.train.batch_size` sets `settings.train.batch_size`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from finjax.data.settings import DataSettings
from finjax.models.settings import CNNSettings, FeatureCNNSettings, FINNetworkSettings, RawCNNSettings
from finjax.training.settings import (
    CheckpointSettings,
    CNNOptimiserSettings,
    CNNTrainSettings,
    DecoderTrainSettings,
    FineTuneOptimiserSettings,
    FineTuneTrainSettings,
    FINTrainSettings,
    LogSettings,
    OptimiserSettings,
    RawTrainSettings,
    RunFileSettings,
    ScheduleSettings,
    TrainerSettings,
    TrainSettings,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchEvaluation:
    """The evaluation of a network.

    Attributes:
        batch_size: windows that are evaluated at a time; for a FIN, windows of one channel.
    """

    batch_size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINEvaluation(BatchEvaluation):
    """The evaluation of a FIN.

    Attributes:
        max_windows: largest number of windows of each part of the test set, evenly spaced; 0: all.
        every_steps: steps of the training between two logged scores; 0: none. The scores decide nothing.
    """

    max_windows: int
    every_steps: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class VoteEvaluation:
    """The evaluation of decisions.

    Attributes:
        vote: number of decisions in a majority vote, which is scored too.
    """

    vote: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderEvaluation(VoteEvaluation, BatchEvaluation):
    """The evaluation of a trained decoder."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderStart:
    """The initial weights of a decoder.

    Attributes:
        cnn_init: folder of a decoder's run, in which `{subject}` and `{horizon}` are replaced; empty: random weights.
        cnn_step: checkpoint of that run: `"latest"`, `"best"` or a step.
    """

    cnn_init: str
    cnn_step: str | int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneStart(DecoderStart):
    """The initial weights of FINs and CNN, and the parts that are tuned.

    Attributes:
        fins: folders of the FINs' runs, in which `{feature}`, `{subject}` and `{horizon}` are replaced.
        fin_init: `"pretrained"`, `"random"`, or `"decoder"` for the FINs of the decoder in `cnn_init`.
        freeze: parts that are not tuned, comma-separated: `"fins"`, `"head"` (of the FINs), `"cnn"`, `"patterns"`.
        recompute: whether the backward pass computes the FINs' states again, which saves memory.
    """

    fins: str
    fin_init: str
    freeze: str
    recompute: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageSettings:
    """Settings of every stage.

    `preset` and `cpu_devices` are in `record` only: they name the folder and set up the devices before a stage runs.

    Attributes:
        stage: name of the stage.
        prediction: horizons in window steps; each gives a model of its own.
        window: length, as `"300ms"` or as samples at the dataset's rate, `"600"`.
        step: from one window to the next, likewise.
        statistics: samples that give the z-scores: `"used"` or `"unlabelled"`, see `finjax.tasks.normalisation`.
        limit_sd: largest absolute value of a z-scored sample; 0: no limit.
        seed: seed of initialisation, batches and noise.
        plugins: modules to import first, comma-separated.
        data: the recordings.
        record: the whole configuration as it was given, for checkpoints and `config.json`.
    """

    stage: str
    prediction: tuple[int, ...]
    window: str
    step: str
    statistics: str
    limit_sd: float
    seed: int
    plugins: str
    data: DataSettings
    record: Mapping[str, Any] = dataclasses.field(compare=False, repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedStage(StageSettings):
    """Settings of every stage that trains a network.

    Attributes:
        train: length and batches.
        optimiser: learning rates.
        log: the log.
        checkpoint: the checkpoints.
        evaluate: the evaluation.
    """

    train: TrainSettings
    optimiser: ScheduleSettings
    log: LogSettings
    checkpoint: CheckpointSettings
    evaluate: BatchEvaluation

    @property
    def trainer(self) -> TrainerSettings:
        """Settings of the trainer."""
        return TrainerSettings(train=self.train, schedule=self.optimiser.schedule, seed=self.seed)

    @property
    def run_files(self) -> RunFileSettings:
        """Settings of the files that a run writes."""
        watch = self.evaluate.every_steps if isinstance(self.evaluate, FINEvaluation) else 0
        return RunFileSettings(
            log=self.log,
            save_every_steps=self.checkpoint.every_steps,
            watch_every_steps=watch,
            config=self.record,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINStage(TrainedStage):
    """Stage 1: a FIN for each feature of `target`, comma-separated."""

    target: str
    train: FINTrainSettings
    optimiser: OptimiserSettings
    evaluate: FINEvaluation
    model: FINNetworkSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecognitionStage(StageSettings):
    """Settings of every stage that recognises movements.

    Attributes:
        subject: subjects whose movements are recognised: a number list, `"all"`, `"seen"` or `"unseen"`.
        percentage: share of each movement's tuning windows; 0: zero-shot.
        percentage_how: `"leading"`, the first in time, or `"random"` ones.
        validation_share: share of each movement's tuning windows, the last in time; 0: no validation.
        evaluate: the evaluation.
    """

    subject: str
    percentage: float
    percentage_how: str
    validation_share: float
    evaluate: VoteEvaluation


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassicalStage(RecognitionStage):
    """The classical baselines.

    Attributes:
        features: a set of `finjax.models.classical.FEATURE_SETS`, or features, comma-separated.
        classifier: one of `finjax.models.classical.CLASSIFIERS`.
        ridge: of LDA and RDA: share of a multiple of the identity in the covariance within movements.
    """

    features: str
    classifier: str
    ridge: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderStage(RecognitionStage, TrainedStage):
    """Settings of every stage that trains a decoder.

    Attributes:
        pooled: whether one decoder is trained for all subjects, on their training and tuning repetitions.
        train: length and batches.
        fine_tune: initial weights.
        evaluate: the evaluation.
    """

    pooled: bool
    train: DecoderTrainSettings
    fine_tune: DecoderStart
    evaluate: DecoderEvaluation


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureDecoderStage(DecoderStage):
    """Settings of every stage that trains a CNN on features.

    Attributes:
        features: names of the features, comma-separated.
        patterns: common spatial patterns of each movement, which are virtual channels; 0: features of the channels.
    """

    features: str
    patterns: int
    cnn: CNNSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class CNNStage(FeatureDecoderStage):
    """Stage 2: a CNN on closed-form features."""

    train: CNNTrainSettings
    optimiser: CNNOptimiserSettings
    cnn: FeatureCNNSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneStage(FeatureDecoderStage):
    """Stage 3: FINs of the features, and a CNN on what they give, tuned together."""

    train: FineTuneTrainSettings
    optimiser: FineTuneOptimiserSettings
    fine_tune: FineTuneStart
    model: FINNetworkSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class RawCNNStage(DecoderStage):
    """The end-to-end baseline: a CNN on the samples."""

    train: RawTrainSettings
    optimiser: OptimiserSettings
    cnn: RawCNNSettings
