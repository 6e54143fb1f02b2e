"""A transformer from windows to the features that FINs imitate."""

import functools
from collections.abc import Callable, Sequence

import jax
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from finjax.configs.rules import WIDTH, Folder, Real, Several, Text, Whole
from finjax.data.gather import WindowData
from finjax.data.normalise import fit_feature_normaliser
from finjax.data.zscore import channel_statistics, z_score
from finjax.devices import parallel
from finjax.devices.defaults import with_defaults
from finjax.devices.require import require_devices
from finjax.errors import CheckpointError, ConfigError
from finjax.estimator.windows import OnWindows, check_arguments
from finjax.features import get_feature
from finjax.inference.restored import load_fin
from finjax.models.fin import FIN
from finjax.models.initialisers import jitted_init
from finjax.models.stack import TrainedFIN
from finjax.system.arithmetic import numpy_defaults
from finjax.training.fit import STEPS_PER_DISPATCH, batch_size_for, progress_bar
from finjax.training.keys import initialisation_key
from finjax.training.loop import Problem, Trainer
from finjax.training.losses import FINData, FINLoss, RandomMixtures
from finjax.training.optimiser import Group, Optimiser
from finjax.training.predict import imitated_features
from finjax.training.settings import TrainerSettings, TrainSettings

FEATURES = ("logstd", "logstd_d1", "logstd_d2", "smyop")
BATCH_SIZE = 256  # windows of one channel
CLIP_NORM = 1.0
SHADOW_NOISE = 0.01
MOST_SAMPLES_A_STEP = 30  # samples per time step of the LSTM, if `patch_size` is None
WINDOWS_AT_A_TIME = 64  # × channels, in `transform`
ARGUMENTS = {
    "runs": Folder(filled_in={"feature": "rms"}, unset=True),
    "features": Several(of=Text(), wanted="a tuple of names of features, each once, as ('rms', 'var')", distinct=True),
    "channels": Whole(least=1, unset=True),
    "hidden": WIDTH,
    "layers": WIDTH,
    "patch_size": Whole(least=1, unset=True),
    "steps": Whole(),
    "learning_rate": Real(),
    "limit_sd": Real(above=0, unset=True),
    "mixtures": Real(most=1),
}


class FINFeatures(TransformerMixin, OnWindows):
    """Maps windows to features as FINs imitate them, for any classifier of scikit-learn.

    `fit` computes mean and deviation of each channel over all its windows, of all people together; a sample counts as
    often as it is in a window. `transform` uses these for its z-score: cross-validation reads nothing of the windows
    held out.

    Args:
        runs: runs of trained FINs, as `"runs/fin_{feature}_best"`; None: `fit` trains them.
        features: names of the features.
        channels: number of channels C in flattened windows; None: 1, or C of windows `[n, C, T]`.
        hidden: LSTM width of each direction. This, the next four and `mixtures` are for FINs that `fit` trains.
        layers: LSTM layers.
        patch_size: samples per time step; None: the largest divisor of T up to 30.
        steps: training steps, of 256 windows of one channel.
        learning_rate: learning rate of Adam; falls to 0 along a cosine.
        limit_sd: z-scored samples are limited to ± this; None: no limit.
        mixtures: share of the training windows that are random mixtures of all channels, for virtual channels.
        random_state: seed.
        verbose: whether to show the progress.

    Attributes:
        channels_: number of channels, C.
        length_: samples in a window, T.
        mean_: `[C]` means of the samples of `fit`, for the z-score of all windows.
        std_: `[C]` standard deviations of the same.
        network_: the FIN.
        models_: parameters of each feature's FIN, and the standardisation of that feature.

    Example:
        >>> windows = np.random.default_rng(0).normal(size=(20, 3, 60))  # [n, C, T]
        >>> FINFeatures(features=("logstd",), hidden=4, layers=1, steps=1).fit_transform(windows).shape
        (20, 3)
    """

    def __init__(
        self,
        runs: str | None = None,
        *,
        features: Sequence[str] = FEATURES,
        channels: int | None = None,
        hidden: int = 32,
        layers: int = 3,
        patch_size: int | None = None,
        steps: int = 500,
        learning_rate: float = 3e-3,
        limit_sd: float | None = 15.0,
        mixtures: float = 0.0,
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool = False,
    ):
        self.runs = runs
        self.features = features
        self.channels = channels
        self.hidden = hidden
        self.layers = layers
        self.patch_size = patch_size
        self.steps = steps
        self.learning_rate = learning_rate
        self.limit_sd = limit_sd
        self.mixtures = mixtures
        self.random_state = random_state
        self.verbose = verbose

    @with_defaults
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> "FINFeatures":
        """Fits the z-score to windows `[n, C, T]`; trains the FINs on them, or loads those of `runs`.

        Raises:
            ConfigError: an argument has a value that is not allowed (a kind of ValueError).
            ValueError: the windows cannot be used, or a feature of them is not finite.
            DeviceError: JAX has no devices.
            CheckpointError: a run has no trained FIN, or one of another window length, feature or network.
        """
        del y
        check_arguments(self, ARGUMENTS)
        require_devices()
        windows, _ = self._fit_windows(X, channels=self.channels)
        if self.runs is None and self.patch_size and self.length_ % self.patch_size:
            raise ConfigError(f"patch_size={self.patch_size}: must divide the {self.length_} samples of a window")
        self.mean_, self.std_ = channel_statistics(windows.swapaxes(0, 1).reshape(self.channels_, -1))
        if self.runs is None:
            self._train(self.normalised(windows))
        else:
            self._load(self.runs)
        return self

    @with_defaults
    def transform(self, X: ArrayLike) -> np.ndarray:
        """Returns features `[n, C × F]` of windows `[n, C, T]` in their own units, channel after channel."""
        windows = self.normalised(self._windows(X))
        data = parallel.replicate(WindowData.of_windows(windows))
        columns = [
            model.feature.restore(
                imitated_features(
                    self.network_,
                    model.params,
                    data,
                    windows=len(windows),
                    length=self.length_,
                    batch_size=WINDOWS_AT_A_TIME * self.channels_,
                )
            )
            for model in self.models_
        ]
        return np.stack(columns, axis=-1).reshape(len(windows), -1)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Returns the names of the columns of `transform`: `channel_1_logstd`, …"""
        del input_features
        check_is_fitted(self)
        channels = range(1, self.channels_ + 1)
        return np.array([f"channel_{channel}_{name}" for channel in channels for name in self.features], dtype=object)

    @numpy_defaults()
    def normalised(self, windows: np.ndarray) -> np.ndarray:
        """Returns the windows `[n, C, T]` z-scored."""
        limit = np.inf if self.limit_sd is None else self.limit_sd
        return z_score(windows, self.mean_[:, None], self.std_[:, None], limit)

    @with_defaults
    def closed_form(self, windows: np.ndarray) -> np.ndarray:
        """Returns the closed-form features `[n, C, F]` of z-scored windows `[n, C, T]`.

        Raises:
            ValueError: a feature is not finite.
        """
        values = np.stack([_direct(name)(windows) for name in self.features], axis=-1)
        return self.finite(values)

    def finite(self, values: np.ndarray) -> np.ndarray:
        """Returns feature values as they are; raises `ValueError` if one is not finite."""
        if not np.isfinite(values).all():
            raise ValueError(f"some values of {', '.join(self.features)} are not finite: n_features = {self.length_}")
        return values

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _train(self, windows: np.ndarray) -> None:
        self.network_ = FIN(
            hidden=self.hidden, layers=self.layers, patch_size=self.patch_size or _patch_size(self.length_)
        )
        values, seed = self.closed_form(windows), seed_of(self.random_state)
        data = WindowData.of_windows(windows)
        self.models_ = [
            self._train_one(name, data, values[..., row], seed=seed) for row, name in enumerate(self.features)
        ]

    def _train_one(self, name: str, windows: WindowData, values: np.ndarray, *, seed: int) -> TrainedFIN:
        feature = fit_feature_normaliser(values)
        empty = np.zeros((1, self.length_), np.float32)
        optimiser = Optimiser(groups=(Group(learning_rate=self.learning_rate),), clip_norm=CLIP_NORM)
        with progress_bar(f"FIN of {name}", shown=self.verbose) as report:
            batch_size = batch_size_for(values.size, most=BATCH_SIZE)
            problem = Problem(
                params=jitted_init(self.network_)(initialisation_key(seed), empty)["params"],
                loss=FINLoss(
                    network=self.network_,
                    length=self.length_,
                    noise=SHADOW_NOISE,
                    mixtures=RandomMixtures(share=self.mixtures, feature=name, lead=0) if self.mixtures else None,
                ),
                optimiser=optimiser,
                tile=parallel.tile_size(parallel.share_size(batch_size)),
                data=FINData(windows=windows, target=feature.standardise(values), feature=feature),
                examples=values.size,
            )
            train = TrainSettings.of_steps(self.steps, batch_size=batch_size, steps_per_dispatch=STEPS_PER_DISPATCH)
            state = Trainer(problem, TrainerSettings(train=train, seed=seed), report=report).run()
        return TrainedFIN(params=state.params, feature=feature)

    def _load(self, runs: str) -> None:
        self.models_, networks = [], []
        for name in self.features:
            run = runs.format(feature=name)
            model = load_fin(run)
            networks.append(model.network)
            if model.target != name:
                raise CheckpointError(f"{run} holds the FIN of {model.target}, not of {name}")
            if model.framing.length != self.length_:
                raise CheckpointError(
                    f"the FIN in {run} takes windows of {model.framing.length} samples; "
                    f"the windows of fit have {self.length_}"
                )
            if networks[0] != networks[-1]:
                raise CheckpointError(
                    f"the FIN in {run} and the FIN of {self.features[0]} are different networks; all must be the same"
                )
            self.models_.append(TrainedFIN(params=model.params, feature=model.feature))
        self.network_ = networks[0]


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """Returns a seed for JAX from what scikit-learn takes as `random_state`."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _patch_size(length: int) -> int:
    return max(size for size in range(1, min(length, MOST_SAMPLES_A_STEP) + 1) if length % size == 0)


@functools.cache
def _direct(name: str) -> Callable:
    return jax.jit(get_feature(name).direct)
