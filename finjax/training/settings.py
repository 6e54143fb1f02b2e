"""Typed settings of the training."""

import dataclasses
from collections.abc import Mapping
from typing import Any

MANY_EPOCHS = 2**31 - 1  # more than any training has steps


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Length and batches of the training: `config.train`.

    Attributes:
        batch_size: examples per step.
        max_steps: largest number of steps; 0: only `max_epochs` limits the training.
        max_epochs: largest number of epochs.
        steps_per_dispatch: steps that the devices get at a time.
        stop_after_epochs: epochs in a row without progress after which the training stops; 0: never.
        stop_change: smallest change of the training loss that counts as progress, if nothing is validated.
    """

    batch_size: int
    max_steps: int = 0
    max_epochs: int
    steps_per_dispatch: int = 1
    stop_after_epochs: int = 0
    stop_change: float = 0.0

    @classmethod
    def of_steps(cls, steps: int, *, batch_size: int, steps_per_dispatch: int) -> "TrainSettings":
        """Returns the settings of a training of `steps` steps; 0: no step."""
        epochs = MANY_EPOCHS if steps else 0
        return cls(batch_size=batch_size, max_steps=steps, max_epochs=epochs, steps_per_dispatch=steps_per_dispatch)

    def last_step(self, steps_per_epoch: int) -> int:
        """Returns the last step that the training may take."""
        by_epochs = self.max_epochs * steps_per_epoch
        return min(self.max_steps or by_epochs, by_epochs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINTrainSettings(TrainSettings):
    """`TrainSettings` of a FIN.

    Attributes:
        shadow_noise: noise of the copies of the feature, relative to its value.
        mixtures: share of the examples that are random virtual channels.
    """

    shadow_noise: float
    mixtures: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderTrainSettings(TrainSettings):
    """`TrainSettings` of a decoder.

    Attributes:
        label_smoothing: share of the target that is spread over all movements.
    """

    label_smoothing: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class CNNTrainSettings(DecoderTrainSettings):
    """`TrainSettings` of the CNN on closed-form features.

    Attributes:
        shadow_noise: noise of the copies of a feature, relative to its value.
        covariance_noise: noise added to the features, in units of their spread within movements.
    """

    shadow_noise: float
    covariance_noise: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class RawTrainSettings(DecoderTrainSettings):
    """`TrainSettings` of the CNN on the samples.

    Attributes:
        gain_sd: each step multiplies each window by a new exp(N(0, gain_sd²)).
    """

    gain_sd: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneTrainSettings(RawTrainSettings):
    """`TrainSettings` of FINs and CNN together.

    Attributes:
        covariance_noise: noise added to the features, in units of their spread within movements.
    """

    covariance_noise: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateSettings:
    """The learning rate before its schedule, and the decay of the weights."""

    learning_rate: float
    l2: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINRateSettings(RateSettings):
    """`RateSettings` of the FINs in fine-tuning.

    Attributes:
        layer_factors: factor of the learning rate for each LSTM layer; None: 1 for all.
    """

    layer_factors: tuple[float, ...] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScheduleSettings:
    """Settings that the optimisers of all stages have: `config.optimiser`.

    Attributes:
        schedule: `"cosine"`, which reaches 0 after the last step, or `"constant"`.
        clip_norm: largest norm of the whole gradient; 0: no limit.
    """

    schedule: str = "cosine"
    clip_norm: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimiserSettings(ScheduleSettings, RateSettings):
    """The optimiser of a network that is one group.

    Attributes:
        decoupled: whether the weight decay is separate from Adam's moments, as in AdamW, or part of the gradient.
    """

    decoupled: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class CNNOptimiserSettings(OptimiserSettings):
    """The optimiser of the CNN on closed-form features.

    Attributes:
        patterns: rates of the weights of virtual channels.
    """

    patterns: RateSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneOptimiserSettings(ScheduleSettings):
    """The optimiser of FINs and CNN together.

    Attributes:
        fin: rates of the FINs.
        cnn: rates of the CNN.
        patterns: rates of the weights of virtual channels.
    """

    fin: FINRateSettings
    cnn: RateSettings
    patterns: RateSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogSettings:
    """The log of a training: `config.log`.

    Attributes:
        every_steps: steps between two lines.
        tensorboard: whether to write TensorBoard's event files too.
    """

    every_steps: int
    tensorboard: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """The checkpoints of a training: `config.checkpoint`.

    Attributes:
        every_steps: steps between two checkpoints.
        use: checkpoint for the evaluation: `"latest"`, `"best"` or a step.
    """

    every_steps: int
    use: str | int


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """The training of a network, in memory or as a run.

    Attributes:
        train: length and batches.
        schedule: schedule of the learning rates.
        seed: seed of batches and noise.
    """

    train: TrainSettings
    schedule: str = "cosine"
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFileSettings:
    """The files that a run writes to its folder.

    Attributes:
        log: the log.
        save_every_steps: steps between two checkpoints.
        watch_every_steps: steps between two scores that are logged; 0: none.
        config: the whole configuration, for `config.json`.
    """

    log: LogSettings
    save_every_steps: int
    watch_every_steps: int = 0
    config: Mapping[str, Any]
