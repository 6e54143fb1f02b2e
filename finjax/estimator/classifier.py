"""A classifier of movements for scikit-learn: the paper's system, FINs and CNN tuned together."""

import functools
from collections.abc import Callable
from typing import Any, cast

import jax
import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets

from finjax.configs.rules import Real, Whole
from finjax.data.gather import FeatureData, WindowData
from finjax.data.normalise import stack_feature_normalisers
from finjax.data.windows import pad_to_grid
from finjax.devices.defaults import with_defaults
from finjax.errors import ConfigError
from finjax.estimator.features import ARGUMENTS as OF_FEATURES
from finjax.estimator.features import FINFeatures, seed_of
from finjax.estimator.networks import BATCH_SIZE, Networks
from finjax.estimator.windows import OnWindows, check_arguments
from finjax.features.spatial import covariance
from finjax.models.decoders import DecoderNetwork
from finjax.models.discriminant import OWN_COVARIANCE, empty_discriminant
from finjax.models.patterns import common_spatial_patterns
from finjax.models.stack import stack_fins
from finjax.training.fit import STEPS_PER_DISPATCH, batch_size_for, progress_bar, tune
from finjax.training.keys import initialisation_key
from finjax.training.losses import noise_factor
from finjax.training.optimiser import FITTED, STANDARDISATION, Group, Optimiser
from finjax.training.predict import virtual_features_of
from finjax.training.settings import TrainerSettings, TrainSettings

CLIP_NORM = 1.0
# With virtual channels, as `configs/fine_tune.py:spatial`: their features depend on each other.
READ_OUT_RIDGE = 0.02
PATTERN_RATE = 3e-3  # beside the CNN; in the tuning, the rate is that of the FINs
MIXTURES = 0.5
COVARIANCE_NOISE = 1.0  # of `configs/fine_tune.py:best`, as the defaults of `FINClassifier`
WINDOWS_AT_A_TIME = 64  # in prediction
ARGUMENTS = {
    "epochs": Whole(),
    "learning_rate": Real(),
    "tune_steps": Whole(),
    "fin_rate": Real(),
    "cnn_rate": Real(),
    "patterns": Whole(),
}


class FINClassifier(ClassifierMixin, OnWindows):
    """Recognises movements in windows by FINs and a CNN on their outputs, tuned together.

    `fit` fits everything to its windows, the z-score of the channels included (see `FINFeatures`). Prediction changes
    nothing.

    The CNN is first trained on the closed-form features; then the FINs take their place, and both are tuned. Beside
    the CNN there is a regularised discriminant, whose log-probabilities are added to the CNN's. With `patterns`, all
    this works on virtual channels, which hold what lies between the channels, and are trained too.

    Args:
        fins: the FINs to start from; None: a `FINFeatures` with its own defaults.
        epochs: epochs of the CNN's training on closed-form features.
        learning_rate: learning rate of that training. All rates fall to 0 along a cosine.
        tune_steps: steps of 128 windows in which FINs and CNN are tuned together; 0: no tuning.
        fin_rate: learning rate of the FINs in the tuning, and of the weights of virtual channels.
        cnn_rate: learning rate of the CNN in the tuning.
        read_out: discriminant beside the CNN, `"rda"` or `"lda"`; None: none.
        patterns: common spatial patterns of each class, as virtual channels, at most as many as channels; 0: none.
            With 4, it recognises better where movements differ between channels, and takes several times as long.
            FINs that you pass should be trained with `FINFeatures(mixtures=0.5)`, or be runs of `fin:spatial`.
        random_state: seed of CNN and tuning, and of the FINs if `fins` is None; a `FINFeatures` has its own seed.
        verbose: whether to show the progress.

    Attributes:
        classes_: `[K]` labels, in the order of the columns of `predict_proba`.
        channels_: number of channels, C.
        length_: samples in a window, T.
        fins_: the fitted `FINFeatures`; its networks stay as they were before the tuning.
        params_: parameters of FINs, CNN and read-out, and the weights of virtual channels.
        stats_: running statistics of the CNN.

    Example:
        >>> windows = np.random.default_rng(0).normal(size=(20, 3, 60))  # [n, C, T]
        >>> movements = np.repeat(["rest", "grip"], 10)
        >>> fins = FINFeatures(features=("logstd",), hidden=4, layers=1, steps=1)
        >>> classifier = FINClassifier(fins, epochs=1, tune_steps=0).fit(windows, movements)
        >>> classifier.predict(windows).shape
        (20,)
    """

    def __init__(
        self,
        fins: FINFeatures | None = None,
        *,
        epochs: int = 12,
        learning_rate: float = 1e-3,
        tune_steps: int = 30,
        fin_rate: float = 1e-4,
        cnn_rate: float = 3e-4,
        read_out: str | None = "rda",
        patterns: int = 0,
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool = False,
    ):
        self.fins = fins
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.tune_steps = tune_steps
        self.fin_rate = fin_rate
        self.cnn_rate = cnn_rate
        self.read_out = read_out
        self.patterns = patterns
        self.random_state = random_state
        self.verbose = verbose

    @with_defaults
    def fit(self, X: ArrayLike, y: ArrayLike) -> "FINClassifier":
        """Trains on windows `[n, C, T]` with labels `[n]`, two or more different ones.

        Raises:
            ConfigError: an argument, also one of `fins`, has a value that is not allowed (a kind of ValueError).
            ValueError: windows or labels cannot be used.
            CheckpointError: see `FINFeatures.fit`.
        """
        check_arguments(self, ARGUMENTS)
        if self.read_out is not None and self.read_out not in OWN_COVARIANCE:
            raise ConfigError(f"read_out={self.read_out!r}: choose from {', '.join(OWN_COVARIANCE)}, or None")
        if not isinstance(self.fins, FINFeatures | None):
            raise ConfigError(f"fins={self.fins!r}: must be a FINFeatures, or None")
        fins = self._default_fins() if self.fins is None else cast(FINFeatures, clone(self.fins))
        check_arguments(fins, OF_FEATURES)
        windows, labels = self._fit_windows(X, y, channels=fins.channels)
        assert labels is not None
        check_classification_targets(labels)
        if self.patterns > self.channels_:
            raise ConfigError(f"patterns={self.patterns}: must be at most the number of channels, {self.channels_}")
        self.classes_, movement = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class, {self.classes_[0]!r}; a classifier needs two or more")
        self.fins_ = fins.fit(windows)
        self._tune(self.fins_.normalised(windows), movement, seed=seed_of(self.random_state))
        return self

    def _default_fins(self) -> FINFeatures:
        mixtures = MIXTURES if self.patterns else 0.0
        return FINFeatures(mixtures=mixtures, random_state=self.random_state, verbose=self.verbose)

    @with_defaults
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Returns the probabilities `[n, K]` of `classes_` for windows `[n, C, T]`."""
        windows = self._windows(X)
        decoder = self._networks().on_fins
        logits, size = [], 1 if len(windows) == 1 else WINDOWS_AT_A_TIME
        for first in range(0, len(windows), size):
            part = self.fins_.normalised(windows[first : first + size])
            # A part has one of two sizes, so that JAX compiles two programs at most.
            filled = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.float32)])
            logits.append(np.asarray(_logits(decoder)(self.params_, self.stats_, filled))[: len(part)])
        return softmax(np.concatenate(logits).astype(np.float64), axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Returns the most probable label `[n]` of each of the windows `[n, C, T]`."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _tune(self, windows: np.ndarray, movement: np.ndarray, *, seed: int) -> None:
        """Trains the CNN on closed-form features of z-scored windows, then tunes FINs and CNN together."""
        fins, networks = self.fins_, self._networks()
        feature = stack_feature_normalisers([model.feature for model in fins.models_])
        params = self._patterns(windows, movement)
        values = feature.standardise(self._closed_form(windows, params.get("patterns")))  # [n, C or V, F]
        noise = noise_factor(values.reshape(len(values), -1), movement, scale=COVARIANCE_NOISE)
        if self.patterns:
            inputs = WindowData.of_windows(windows)
            params["standardisation"] = vars(feature)
        else:
            inputs = FeatureData(values=pad_to_grid(values))
        params, stats = self._train_cnn(params, inputs, movement, noise, seed=seed)
        params.pop("standardisation", None)  # the FINs' outputs are standardised
        params["fins"] = stack_fins(fins.models_, feature, channels=networks.rows)
        if self.read_out:
            params["read_out"] = empty_discriminant(features=values[0].size, classes=len(self.classes_))
        groups = (Group(prefix="fins", learning_rate=self.fin_rate), Group(prefix="cnn", learning_rate=self.cnn_rate))
        with progress_bar("FINs and CNN", shown=self.verbose) as report:
            self.params_, self.stats_ = tune(
                networks.on_fins,
                params,
                stats,
                WindowData.of_windows(windows),
                movement,
                optimiser=Optimiser(groups=(*groups, *self._pattern_groups(self.fin_rate), FITTED)),
                settings=TrainerSettings(
                    train=TrainSettings.of_steps(
                        self.tune_steps,
                        batch_size=batch_size_for(len(windows), most=BATCH_SIZE),
                        steps_per_dispatch=STEPS_PER_DISPATCH,
                    ),
                    seed=seed,
                ),
                report=report,
                jitter=noise,
                read_out=self.read_out or "",
                read_out_ridge=READ_OUT_RIDGE if self.patterns else 0.0,
            )

    def _train_cnn(
        self,
        params: dict[str, Any],
        inputs: FeatureData | WindowData,
        movement: np.ndarray,
        noise: np.ndarray,
        *,
        seed: int,
    ) -> tuple[dict[str, Any], Any]:
        decoder = self._networks().on_features
        cnn, stats = decoder.init_cnn(initialisation_key(seed), channels=self.channels_)
        network = Group(learning_rate=self.learning_rate, decoupled=True)
        groups = (network, *self._pattern_groups(PATTERN_RATE), STANDARDISATION)
        with progress_bar("CNN", shown=self.verbose) as report:
            settings = TrainSettings(
                batch_size=batch_size_for(len(movement), most=BATCH_SIZE),
                max_epochs=self.epochs,
                steps_per_dispatch=STEPS_PER_DISPATCH,
            )
            return tune(
                decoder,
                {**params, "cnn": cnn},
                stats,
                inputs,
                movement,
                optimiser=Optimiser(groups=groups, clip_norm=CLIP_NORM),
                settings=TrainerSettings(train=settings, seed=seed),
                report=report,
                jitter=noise,
            )

    def _patterns(self, windows: np.ndarray, movement: np.ndarray) -> dict[str, Any]:
        """Returns the weights of virtual channels as parameters; none without them."""
        if not self.patterns:
            return {}
        found = common_spatial_patterns(
            np.asarray(covariance(windows)), movement, patterns=self.patterns, classes=len(self.classes_)
        )
        return {"patterns": found}

    def _pattern_groups(self, rate: float) -> tuple[Group, ...]:
        return (Group(prefix="patterns", learning_rate=rate),) if self.patterns else ()

    def _closed_form(self, windows: np.ndarray, patterns: np.ndarray | None) -> np.ndarray:
        if patterns is None:
            return self.fins_.closed_form(windows)
        features = self.fins_.features
        return self.fins_.finite(virtual_features_of(windows, features, patterns, batch_size=WINDOWS_AT_A_TIME))

    def _networks(self) -> Networks:
        return Networks(
            fin=self.fins_.network_,
            features=tuple(self.fins_.features),
            channels=self.channels_,
            classes=len(self.classes_),
            length=self.length_,
            patterns=self.patterns,
            read_out=bool(self.read_out),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # scikit-learn's checks use points that are not signals
        return tags


@functools.lru_cache(maxsize=8)
def _logits(decoder: DecoderNetwork) -> Callable:
    return jax.jit(decoder.predict)
