"""Trained models: a FIN, and a decoder of movements."""

import dataclasses
import functools
from collections.abc import Collection
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from numpy.typing import ArrayLike

from finjax.configs.build import build_decoder
from finjax.configs.settings import DecoderStage, FINStage, StageSettings
from finjax.data.normalise import OTHERS, FeatureNormaliser, SignalNormaliser
from finjax.data.recording import Recording
from finjax.data.splits import Split
from finjax.data.units import factor_between
from finjax.data.windows import Framing
from finjax.data.zscore import normalised
from finjax.devices.defaults import with_defaults
from finjax.devices.parallel import tile_size
from finjax.devices.tiling import map_in_tiles
from finjax.errors import DataError
from finjax.features import get_feature
from finjax.models.decoders import DecoderNetwork, FeatureDecoder, FINDecoder
from finjax.models.fin import build_fin
from finjax.system.arithmetic import numpy_defaults

ANY_DATASET = "any"  # of FINs that fit signals of any dataset, rate and filter
ModelT = TypeVar("ModelT", bound="Model")
WINDOWS_AT_A_TIME = 64  # of a restored decoder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Model:
    """The common part of all trained models.

    Attributes:
        params: network parameters.
        config: the settings it was trained with; `config.record` is the whole configuration.
        step: training step of the checkpoint.
        framing: window length, step and horizon in samples.
        rate_hz: sampling rate of its training data.
        dataset: name of its training data.
        split: subjects and repetitions for training and for testing.
        signal: z-scores of the subjects of the training.
        feature: standardisation of its features.
        trained_on: repetitions that it, or a model it was made from, was trained on, by subject.
        statistics_from: where each row of `signal` comes from, by subject: `"used"`, `"unlabelled"` or `"others"`, see
            `finjax.data.normalise`. Older runs used `"unlabelled"` and do not record it.
        unit: unit of its training data, such as `"uV"`; empty: not known. Older runs do not record it.
    """

    params: Any
    config: StageSettings
    step: int
    framing: Framing
    rate_hz: float
    dataset: str
    split: Split
    signal: SignalNormaliser
    feature: FeatureNormaliser
    trained_on: dict[int, tuple[int, ...]]
    statistics_from: dict[int, str]
    unit: str

    @property
    def horizon_ms(self) -> float:
        """How far ahead of its window the model predicts, in ms."""
        return 1000 * self.framing.lead / self.rate_hz

    @property
    def window_text(self) -> str:
        """The length of its windows, for messages."""
        return f"{1000 * self.framing.length / self.rate_hz:g} ms at {self.rate_hz:g} Hz"

    @numpy_defaults()
    def normalise(self, recording: Recording) -> np.ndarray:
        """Z-scores a recording with the stored statistics of a known subject, or else with its own.

        Its own statistics are those of its labelled samples, or of all samples if none is labelled. They need the whole
        recording: it is `config.statistics = "unlabelled"`. `mean_of_seen` gives statistics without a recording.

        Returns:
            `[N, C]` float32.

        Raises:
            DataError: the sampling rate, or a known subject's number of channels or unit, is another one.
        """
        return normalised(
            recording,
            rate_hz=self.rate_hz,
            dataset=self.dataset,
            unit=self.unit,
            subjects=np.asarray(self.signal.subjects).tolist(),
            mean=np.asarray(self.signal.mean),
            std=np.asarray(self.signal.std),
            limit=np.asarray(self.signal.limit),
        )

    def in_unit(self: "ModelT", unit: str) -> "ModelT":
        """Returns the model with its z-scores in another unit; unchanged if one of the units is not known.

        Raises:
            DataError: the unit cannot be converted.
        """
        scale = factor_between(
            self.unit, unit, refused="the z-scores of the model are not in the unit of the recordings"
        )
        if scale == 1:
            return self
        mean, std = (np.float32(scale) * np.asarray(values) for values in (self.signal.mean, self.signal.std))
        return dataclasses.replace(self, signal=dataclasses.replace(self.signal, mean=mean, std=std), unit=unit)

    def __getstate__(self) -> dict[str, Any]:
        """Returns the fields to copy or pickle, without compiled functions, which are compiled again when needed."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def mean_of_seen(self, *, apart_from: Collection[int] = ()) -> tuple[np.ndarray, np.ndarray] | None:
        """Returns a z-score for a person without data: mean and std `[C]`, or None if the model has none.

        It is the mean over the people that the model was trained on, see `SignalNormaliser.mean_over`; a zero-shot
        model holds that mean already.

        Args:
            apart_from: subjects whose statistics are left out.
        """
        rows = set(np.asarray(self.signal.subjects).tolist())
        seen = rows.intersection(self.trained_on).difference(apart_from)
        seen = seen or {subject for subject, source in self.statistics_from.items() if source == OTHERS}
        return self.signal.mean_over(seen) if seen else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINModel(Model):
    """A trained FIN with its normalisers.

    Attributes:
        config: the settings it was trained with.
        target: name of the feature.
    """

    config: FINStage
    target: str

    @functools.cached_property
    def network(self) -> nn.Module:
        """The flax module."""
        return build_fin(self.config.model)

    def _imitate(self, params: Any, windows: jax.Array) -> jax.Array:
        return cast(jax.Array, self.network.apply({"params": params}, windows))

    @functools.cached_property
    def _forward(self):
        def forward(params: Any, windows: jax.Array) -> jax.Array:
            return map_in_tiles(lambda tile: self._imitate(params, tile), windows, tile=tile_size(len(windows)))

        return jax.jit(forward)

    @with_defaults
    def apply(self, windows: ArrayLike) -> jax.Array:
        """The bare network: z-scored windows `[B, T]` → standardised feature and shadows `[B, S]`.

        Raises:
            ValueError: the windows have another shape or length, or there are none.
        """
        windows = jnp.asarray(windows, jnp.float32)
        if windows.ndim != 2 or windows.shape[1] != self.framing.length or not len(windows):
            raise ValueError(
                f"this model takes windows [B, {self.framing.length}] ({self.window_text}), not {windows.shape}"
            )
        return self._forward(self.params, windows)

    def forward(self, windows: jax.Array) -> jax.Array:
        """Z-scored windows `[B, T]` → feature values `[B]`: pure, for `jax.jit` or `jax.export`."""
        return self.feature.restore(self._imitate(self.params, windows)[:, 0])

    @with_defaults
    def __call__(self, windows: ArrayLike) -> jax.Array:
        """Z-scored windows `[B, T]` → feature values `[B]` in the feature's own unit."""
        return self.feature.restore(self.apply(windows)[:, 0])


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderModel(Model):
    """A trained decoder of movements with its normalisers.

    Attributes:
        config: the settings it was trained with.
        kind: the stage that trained it: `"cnn"`, `"fine_tune"` or `"raw_cnn"`.
        stats: running statistics of BatchNorm.
        features: names of its features, in the order of its inputs; none for a network on the samples themselves.
        channel_names: C names.
        movement_names: names of the K classes.
        subjects: subjects that it was made for.
    """

    config: DecoderStage
    kind: str
    stats: Any
    features: tuple[str, ...]
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    subjects: tuple[int, ...]

    def person(self, subject: int | None, *, option: str) -> int:
        """Returns a subject, by default the first that the decoder was made for.

        Args:
            subject: number of the subject; None: not given.
            option: option that gives it, for the message.

        Raises:
            DataError: no subject is given, and the checkpoint does not name any.
        """
        if subject is None and not self.subjects:
            raise DataError(
                "the checkpoint does not say which subject this decoder was made for (was it imported without "
                f"--trained_on?): give the number of a subject, such as {option}=1"
            )
        return self.subjects[0] if subject is None else subject

    @functools.cached_property
    def decoder(self) -> DecoderNetwork:
        """The network, as pure functions."""
        return build_decoder(
            self.config,
            features=self.features,
            channels=len(self.channel_names),
            classes=len(self.movement_names),
            length=self.framing.length,
            batch_size=WINDOWS_AT_A_TIME,
        )

    @functools.cached_property
    def _forward(self):
        return jax.jit(lambda params, stats, windows: self.decoder.predict(params, stats, self._inputs(windows)))

    def _inputs(self, windows: jax.Array) -> jax.Array:
        """Returns what the network takes: closed-form features with shadows `[B, C, S, F]`, or the windows."""
        if not isinstance(self.decoder, FeatureDecoder):
            return windows
        values = jnp.stack([get_feature(name).direct(windows) for name in self.features], axis=-1)
        over_channels = jax.tree.map(lambda of_feature: of_feature[None, None], self.feature)
        return jnp.repeat(over_channels.standardise(values)[:, :, None], self.decoder.shadows, axis=2)

    def forward(self, windows: jax.Array) -> jax.Array:
        """Z-scored windows `[B, C, T]` → logits `[B, K]`: pure, all at once, for `jax.jit` or `jax.export`."""
        decoder = self.decoder
        if isinstance(decoder, FINDecoder):
            decoder = dataclasses.replace(decoder, tile=None)
        return decoder.predict(self.params, self.stats, self._inputs(windows))

    @with_defaults
    def logits(self, windows: ArrayLike) -> jax.Array:
        """Z-scored windows `[B, C, T]` → logits `[B, K]`.

        Raises:
            ValueError: the windows have another shape, or there are none.
        """
        windows = jnp.asarray(windows, jnp.float32)
        shape = len(self.channel_names), self.framing.length
        if windows.ndim != 3 or windows.shape[1:] != shape or not len(windows):
            raise ValueError(
                f"this model takes windows [B, {shape[0]}, {shape[1]}] "
                f"({shape[0]} channels, {self.window_text}), not {windows.shape}"
            )
        return self._forward(self.params, self.stats, windows)

    @with_defaults
    def __call__(self, windows: ArrayLike) -> jax.Array:
        """Z-scored windows `[B, C, T]` → movements `[B]`, as indices into `movement_names`."""
        return jnp.argmax(self.logits(windows), axis=-1)
