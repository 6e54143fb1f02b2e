"""Windows on the device: it holds the signals once, and a window is gathered when it is used."""

import jax
import numpy as np
from flax import struct
from jax import lax

from finjax.data.normalise import SignalNormaliser
from finjax.data.windows import SignalStore, Windows, pad_to_grid
from finjax.data.zscore import z_score


@struct.dataclass
class WindowData:
    """The arrays from which a jitted step gathers z-scored windows; an example is one channel of one window.

    Attributes:
        samples: `[C, M]` signals of all subjects, not normalised.
        mean: `[P, C]` means of each subject's channels.
        std: `[P, C]` standard deviations.
        limit: scalar; z-scored samples are limited to ±limit.
        start: `[n]` first sample of each window; padded, see `grid`.
        subject: `[n]` row of `mean` and `std`.
    """

    samples: jax.Array | np.ndarray
    mean: jax.Array | np.ndarray
    std: jax.Array | np.ndarray
    limit: jax.Array | np.ndarray | np.float32
    start: jax.Array | np.ndarray
    subject: jax.Array | np.ndarray

    @classmethod
    def of(cls, store: SignalStore, normaliser: SignalNormaliser, windows: Windows) -> "WindowData":
        """Collects the arrays; `normaliser` must have the subjects of `store`, in the same order."""
        return cls(
            samples=store.samples,
            mean=normaliser.mean,
            std=normaliser.std,
            limit=normaliser.limit,
            start=pad_to_grid(windows.start),
            subject=pad_to_grid(windows.subject.astype(np.int32)),
        )

    @classmethod
    def of_windows(cls, windows: np.ndarray) -> "WindowData":
        """Makes the arrays for z-scored windows `[n, C, T]`."""
        windows = pad_to_grid(windows)
        count, channels, length = windows.shape
        return cls(
            samples=windows.swapaxes(0, 1).reshape(channels, count * length),
            mean=np.zeros((1, channels), np.float32),
            std=np.ones((1, channels), np.float32),
            limit=np.float32(np.inf),
            start=np.arange(0, count * length, length, dtype=np.int32),
            subject=np.zeros(count, np.int32),
        )

    def gather_all(self, windows: jax.Array, *, length: int, lead: int = 0) -> jax.Array:
        """Returns z-scored windows of all channels, `[b, C, T]`, or those that begin `lead` samples later."""
        subject = self.subject[windows]
        channels = self.samples.shape[0]
        signal = jax.vmap(lambda start: lax.dynamic_slice(self.samples, (0, start), (channels, length)))(
            self.start[windows] + lead
        )  # [b, C, T]
        return z_score(signal, self.mean[subject][..., None], self.std[subject][..., None], self.limit)

    def gather(self, examples: jax.Array, *, length: int) -> jax.Array:
        """Returns z-scored windows `[b, T]`; example `e` is channel `e % C` of window `e // C`."""
        channels = self.samples.shape[0]
        window, channel = examples // channels, examples % channels
        subject = self.subject[window]

        def take(channel: jax.Array, start: jax.Array) -> jax.Array:
            return lax.dynamic_slice(self.samples, (channel, start), (1, length))[0]

        windows = jax.vmap(take)(channel, self.start[window])  # [b, T]
        mean, std = self.mean[subject, channel], self.std[subject, channel]  # [b]
        return z_score(windows, mean[:, None], std[:, None], self.limit)


@struct.dataclass
class FeatureData:
    """Standardised closed-form features of windows.

    Attributes:
        values: `[n, C, F]`; padded, see `grid`.
    """

    values: jax.Array | np.ndarray
