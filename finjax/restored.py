"""A trained FIN restored from its checkpoint, for use from any script."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from finjax.checkpoints import read_model
from finjax.data.normalise import FeatureNormaliser, SignalNormaliser, channel_statistics, z_score
from finjax.data.recording import UNLABELLED, Recording
from finjax.data.splits import Split
from finjax.data.windows import Framing
from finjax.errors import CheckpointError, DataError
from finjax.models.fin import build_fin
from finjax.training.parallel import map_in_tiles


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINModel:
    """A trained FIN with its normalisers.

    Attributes:
        params: network parameters.
        config: the configuration it was trained with.
        step: training step of the checkpoint.
        target: name of the feature.
        framing: window length, step and horizon in samples.
        rate_hz: sampling rate of its training data.
        dataset: name of its training data.
        split: whom and what it was trained on, and what was kept for testing.
        signal: z-score of the subjects that were there in training.
        feature: standardisation of its output.
    """

    params: Any
    config: ConfigDict
    step: int
    target: str
    framing: Framing
    rate_hz: float
    dataset: str
    split: Split
    signal: SignalNormaliser
    feature: FeatureNormaliser

    @functools.cached_property
    def network(self) -> nn.Module:
        """The flax module."""
        return build_fin(self.config.model)

    @functools.cached_property
    def _forward(self):
        def forward(params, windows):
            # In tiles, so that memory does not grow with the number of windows.
            return map_in_tiles(lambda tile: self.network.apply({"params": params}, tile), windows)

        return jax.jit(forward)

    @property
    def horizon_ms(self) -> float:
        """How far ahead of its window the model predicts."""
        return 1000 * self.framing.lead / self.rate_hz

    def apply(self, windows) -> jax.Array:
        """The bare network: z-scored windows `[B, T]` → standardised feature and shadows `[B, S]`.

        Raises:
            ValueError: the windows have another shape or length, or there are none.
        """
        windows = jnp.asarray(windows, jnp.float32)
        if windows.ndim != 2 or windows.shape[1] != self.framing.length or not len(windows):
            raise ValueError(
                f"this model takes windows [B, {self.framing.length}] "
                f"({1000 * self.framing.length / self.rate_hz:g} ms at {self.rate_hz:g} Hz), not {windows.shape}"
            )
        return self._forward(self.params, windows)

    def __call__(self, windows) -> jax.Array:
        """Z-scored windows `[B, T]` → feature values `[B]` in the feature's own unit."""
        return self.feature.restore(self.apply(windows)[:, 0])

    def normalise(self, recording: Recording) -> np.ndarray:
        """Z-scores a recording: by the stored statistics of a subject of the training data, else by its own.

        Its own are those of its labelled samples, or of all where none is labelled.

        Returns:
            `[N, C]` float32.

        Raises:
            DataError: another sampling rate, or a known subject with another number of channels.
        """
        if recording.rate_hz != self.rate_hz:
            raise DataError(
                f"the recording has {recording.rate_hz:g} Hz and the model {self.rate_hz:g} Hz; resample it first"
            )
        known = np.flatnonzero(np.asarray(self.signal.subjects) == recording.subject)
        if recording.dataset == self.dataset and len(known):
            mean, std = self.signal.mean[known[0]], self.signal.std[known[0]]
            if len(mean) != recording.signal.shape[1]:
                raise DataError(
                    f"subject {recording.subject} had {len(mean)} channels in training; "
                    f"this recording has {recording.signal.shape[1]}"
                )
        else:
            labelled = recording.movement != UNLABELLED
            mean, std = channel_statistics(recording.signal[labelled if labelled.any() else slice(None)].T)
        return z_score(recording.signal, mean, std, self.signal.limit).astype(np.float32)


def load(path: str | Path, *, step: int | str = "latest") -> FINModel:
    """Restores a trained model; the path is all it needs.

    Args:
        path: working directory of the run, such as `runs/fin_ssi`.
        step: a training step, `"latest"`, or `"best"` by training loss.

    Raises:
        CheckpointError: nothing usable is there.
    """
    saved = read_model(path, step=step)
    info = saved.info
    try:
        return FINModel(
            params=saved.params,
            config=config_from_json(info["config"]),
            step=saved.step,
            target=info["target"],
            framing=Framing(**info["framing"]),
            rate_hz=info["rate_hz"],
            dataset=info["dataset"],
            split=Split(**{field: tuple(numbers) for field, numbers in info["split"].items()}),
            signal=SignalNormaliser(**saved.normalisers["signal"]),
            feature=FeatureNormaliser(**saved.normalisers["feature"]),
        )
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"the checkpoint of step {saved.step} in {path} lacks {error}") from error


def config_from_json(fields: dict) -> ConfigDict:
    """Returns a configuration as it was before it went through JSON, where tuples become lists."""
    return ConfigDict({**fields, "prediction": tuple(fields["prediction"])})
