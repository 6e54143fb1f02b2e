"""The configuration of each stage as frozen, typed settings: what the stages work with.

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
    CNNTrainSettings,
    DecoderTrainSettings,
    FineTuneOptimiserSettings,
    FineTuneTrainSettings,
    FINTrainSettings,
    LogSettings,
    OptimiserSettings,
    RawTrainSettings,
    RecordSettings,
    ScheduleSettings,
    TrainerSettings,
    TrainSettings,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchEvaluation:
    """How a network is evaluated.

    Attributes:
        batch_size: windows at a time; of one channel for a FIN.
    """

    batch_size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINEvaluation(BatchEvaluation):
    """How a FIN is evaluated.

    Attributes:
        max_windows: of each part of the test set, evenly spaced over it; 0: all.
        every_steps: steps of the training between two scores that are logged; 0: none. Nothing is chosen by them.
    """

    max_windows: int
    every_steps: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class VoteEvaluation:
    """How decisions are scored.

    Attributes:
        vote: score a majority vote over so many last decisions too.
    """

    vote: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderEvaluation(VoteEvaluation, BatchEvaluation):
    """How a trained decoder is evaluated."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderStart:
    """What a decoder starts from.

    Attributes:
        cnn_init: run of a decoder, with `{subject}` and `{horizon}` to be filled in; empty: random weights.
        cnn_step: its checkpoint: `"latest"`, `"best"` or a step.
    """

    cnn_init: str
    cnn_step: str | int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneStart(DecoderStart):
    """What FINs and CNN start from, and what of them is tuned.

    Attributes:
        fins: runs of the FINs, with `{feature}`, `{subject}` and `{horizon}` to be filled in.
        fin_init: `"pretrained"`, `"random"`, or `"decoder"`: those of the decoder in `cnn_init`.
        freeze: comma-separated parts that are not tuned: `"fins"`, `"head"` (of the FINs), `"cnn"`.
        recompute: whether the backward pass computes the FINs' states again, rather than keep them all.
    """

    fins: str
    fin_init: str
    freeze: str
    recompute: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageSettings:
    """What every stage has.

    Attributes:
        stage: name of the stage.
        preset: of the configuration; part of the default name of the run's folder.
        prediction: window steps ahead to predict; several train one model each.
        window: length, as `"300ms"` or as samples at the dataset's rate, `"600"`.
        step: from one window to the next, likewise.
        statistics: where z-scores come from: `"used"` or `"unlabelled"`, see `finjax.tasks.normalisation`.
        limit_sd: z-scored samples beyond are held there; 0: no limit.
        seed: of initialisation, batches and noise.
        plugins: modules to import first, comma-separated.
        data: which recordings.
        record: the whole configuration as it was given, for checkpoints and `config.json`.
    """

    stage: str
    preset: str
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
    """What every stage has that trains a network.

    Attributes:
        cpu_devices: devices to split the CPU into; 0: see `finjax.devices.parallel.use_cpu_devices`.
        train: how much to train.
        optimiser: with which rates.
        log: what is written down.
        checkpoint: when to save.
        evaluate: how the model is scored.
    """

    cpu_devices: int
    train: TrainSettings
    optimiser: ScheduleSettings
    log: LogSettings
    checkpoint: CheckpointSettings
    evaluate: BatchEvaluation

    @property
    def trainer(self) -> TrainerSettings:
        """How the network is trained, wherever that is."""
        return TrainerSettings(train=self.train, schedule=self.optimiser.schedule, seed=self.seed)

    @property
    def recording(self) -> RecordSettings:
        """What a run writes to its folder."""
        watch = self.evaluate.every_steps if isinstance(self.evaluate, FINEvaluation) else 0
        return RecordSettings(
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
    """What every stage has that recognises movements.

    Attributes:
        subject: whom to recognise: a number list, `"all"`, `"seen"` or `"unseen"`.
        percentage: of the tuning windows of each movement; 0: zero-shot.
        percentage_how: `"leading"`, the first in time, or `"random"` ones.
        validation_share: of each movement's tuning windows, the last in time; 0: no validation.
        evaluate: how the decoder is scored.
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
        classifier: `"lda"`, `"rda"` or `"svm"`.
    """

    features: str
    classifier: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderStage(RecognitionStage, TrainedStage):
    """What every stage has that trains a decoder.

    Attributes:
        pooled: one decoder for all subjects, fitted to their training and tuning repetitions.
        train: how much to train.
        fine_tune: what it starts from.
        evaluate: how the decoder is scored.
    """

    pooled: bool
    train: DecoderTrainSettings
    fine_tune: DecoderStart
    evaluate: DecoderEvaluation


@dataclasses.dataclass(frozen=True, kw_only=True)
class CNNStage(DecoderStage):
    """Stage 2: a CNN on the closed-form `features`, comma-separated."""

    features: str
    train: CNNTrainSettings
    optimiser: OptimiserSettings
    cnn: FeatureCNNSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneStage(DecoderStage):
    """Stage 3: FINs of `features`, comma-separated, and a CNN on what they give, tuned together."""

    features: str
    train: FineTuneTrainSettings
    optimiser: FineTuneOptimiserSettings
    fine_tune: FineTuneStart
    model: FINNetworkSettings
    cnn: CNNSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class RawCNNStage(DecoderStage):
    """The end-to-end baseline: a CNN on the samples."""

    train: RawTrainSettings
    optimiser: OptimiserSettings
    cnn: RawCNNSettings
