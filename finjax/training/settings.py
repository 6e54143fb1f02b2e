"""What a configuration says of a training, as typed values."""

import dataclasses
from collections.abc import Mapping
from typing import Any

MANY_EPOCHS = 2**31 - 1  # more than any training has steps


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How much to train: `config.train`.

    Attributes:
        batch_size: examples in a step.
        max_steps: steps at most; 0: as many as the epochs have.
        max_epochs: how often each example is taken at most.
        steps_per_dispatch: steps that are handed to the devices at a time.
        stop_after_epochs: epochs in a row without progress after which the training stops; 0: never.
        stop_change: without validation, an epoch that moved the training loss by less made no progress.
    """

    batch_size: int
    max_steps: int = 0
    max_epochs: int
    steps_per_dispatch: int = 1
    stop_after_epochs: int = 0
    stop_change: float = 0.0

    @classmethod
    def of_steps(cls, steps: int, *, batch_size: int, steps_per_dispatch: int) -> "TrainSettings":
        """Returns settings for a number of steps, however many epochs that are; 0: no step."""
        epochs = MANY_EPOCHS if steps else 0
        return cls(batch_size=batch_size, max_steps=steps, max_epochs=epochs, steps_per_dispatch=steps_per_dispatch)

    def last_step(self, steps_per_epoch: int) -> int:
        """Returns the step at which the training ends at the latest."""
        by_epochs = self.max_epochs * steps_per_epoch
        return min(self.max_steps or by_epochs, by_epochs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINTrainSettings(TrainSettings):
    """The same of a FIN.

    Attributes:
        shadow_noise: of the noisy copies of the feature, relative to the value.
    """

    shadow_noise: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderTrainSettings(TrainSettings):
    """The same of a decoder.

    Attributes:
        label_smoothing: share of the target that is spread over all movements.
    """

    label_smoothing: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class CNNTrainSettings(DecoderTrainSettings):
    """The same of the CNN on closed-form features.

    Attributes:
        shadow_noise: of the noisy copies of a feature, relative to the value.
        covariance_noise: added to the features, in units of their spread within movements.
    """

    shadow_noise: float
    covariance_noise: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class RawTrainSettings(DecoderTrainSettings):
    """The same of the CNN on the samples.

    Attributes:
        gain_sd: each window is amplified by exp(N(0, gain_sd²)), anew in each step.
    """

    gain_sd: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneTrainSettings(RawTrainSettings):
    """The same of FINs and CNN together.

    Attributes:
        covariance_noise: added to the features, in units of their spread within movements.
    """

    covariance_noise: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateSettings:
    """The learning rate before its schedule, and the decay of the weights."""

    learning_rate: float
    l2: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINRateSettings(RateSettings):
    """The same of the FINs in fine-tuning.

    Attributes:
        layer_factors: of the learning rate, by LSTM layer; None: 1 for all.
    """

    layer_factors: tuple[float, ...] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScheduleSettings:
    """What the optimisers of all stages have: `config.optimiser`.

    Attributes:
        schedule: `"cosine"`, to 0 at the last step, or `"constant"`.
        clip_norm: largest norm of the whole gradient; 0: no limit.
    """

    schedule: str = "cosine"
    clip_norm: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimiserSettings(ScheduleSettings, RateSettings):
    """The optimiser of a network that is one group.

    Attributes:
        decoupled: whether the decay leaves Adam's moments alone, as in AdamW, or joins the gradient.
    """

    decoupled: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneOptimiserSettings(ScheduleSettings):
    """The optimiser of FINs and CNN together.

    Attributes:
        fin: rates of the FINs.
        cnn: rates of the CNN.
    """

    fin: FINRateSettings
    cnn: RateSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogSettings:
    """What is written down during a training: `config.log`.

    Attributes:
        every_steps: steps between two lines.
        tensorboard: whether to write TensorBoard's event files too.
    """

    every_steps: int
    tensorboard: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """When to save, and what to use: `config.checkpoint`.

    Attributes:
        every_steps: steps between two checkpoints.
        use: checkpoint for the evaluation: `"latest"`, `"best"` or a step.
    """

    every_steps: int
    use: str | int


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """How any network is trained, in memory or as a run.

    Attributes:
        train: how much.
        schedule: of the learning rates.
        seed: of batches and noise.
    """

    train: TrainSettings
    schedule: str = "cosine"
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordSettings:
    """What a run writes to its folder, and when.

    Attributes:
        log: when to log.
        save_every_steps: steps between two checkpoints.
        watch_every_steps: steps between two scores that are logged; 0: none.
        config: the whole configuration, for `config.json`.
    """

    log: LogSettings
    save_every_steps: int
    watch_every_steps: int = 0
    config: Mapping[str, Any]
