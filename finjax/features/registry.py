"""The kinds of closed-form features, and the features by name."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import numpy as np
from jax.typing import ArrayLike

from finjax.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feature:
    """A closed-form feature of one channel's window.

    Attributes:
        name: the name in `--config.target`.
        label: the full name, for figures.
        direct: `[..., T] → [...]`, jittable.
        terms: signal of one channel `[N]` float64 → arrays `[N - lag]`, whose sums over a window determine the
            feature; a term that spans `lag + 1` samples belongs to the first of them.
        finish: sums over n windows, each `[n]`, and T → values `[n]`.
        of_variance: the feature as a jittable function of the variance of Δᵏx, if it is one; None: it is not. Features
            of virtual channels are then computed from the covariances between the channels.
        order: k.
    """

    name: str
    label: str
    direct: Callable[[ArrayLike], jax.Array]
    terms: Callable[[np.ndarray], Sequence[np.ndarray]]
    finish: Callable[..., np.ndarray]
    of_variance: Callable[[jax.Array], jax.Array] | None = None
    order: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpatialFeature:
    """A closed-form feature of all channels of a window: a function of the covariance matrix between them.

    Attributes:
        name: the name in `--config.features`.
        label: the full name, for figures.
        order: the covariance is that of the order-th difference of the samples, Δᵏx.
        of_covariance: `[..., C, C] → [..., D]`, jittable; D depends on C alone.
    """

    name: str
    label: str
    order: int
    of_covariance: Callable[[ArrayLike], jax.Array]


FeatureT = TypeVar("FeatureT", Feature, SpatialFeature)
_REGISTRY: dict[str, Feature | SpatialFeature] = {}


def register(feature: FeatureT) -> FeatureT:
    """Adds a feature to the registry, so that `--config.target` or `--config.features` can select it.

    Example:
        >>> power = Feature(
        ...     name="power",
        ...     label="mean square",
        ...     direct=lambda x: jnp.mean(jnp.square(x), axis=-1),
        ...     terms=lambda x: [x * x],
        ...     finish=lambda sums, length: sums[0] / length,
        ... )
        >>> register(power).name in feature_names()
        True
    """
    if feature.name in _REGISTRY:
        raise ValueError(f"a feature named {feature.name!r} is already registered")
    _REGISTRY[feature.name] = feature
    return feature


def get_feature(name: str) -> Feature:
    """Returns the feature of one channel registered as `name`.

    Raises:
        ConfigError: it is unknown, or a feature between channels.

    Example:
        >>> float(get_feature("wl").direct(np.array([0.0, 2.0, -1.0])))
        5.0
    """
    feature = find_feature(name)
    if isinstance(feature, SpatialFeature):
        raise ConfigError(
            f"feature {name!r} is one between channels, and this needs features of one channel: "
            f"{', '.join(feature_names())}. The classical baselines take both kinds"
        )
    return feature


def find_feature(name: str) -> Feature | SpatialFeature:
    """Returns the feature registered as `name`, of either kind; raises `ConfigError` for an unknown one."""
    if name not in _REGISTRY:
        raise ConfigError(
            f"unknown feature {name!r}; known are {', '.join((*feature_names(), *spatial_feature_names()))}. If your "
            "own module registers it, name that module in --config.plugins"
        )
    return _REGISTRY[name]


def feature_names() -> tuple[str, ...]:
    """Returns the names of all registered features of one channel."""
    return tuple(name for name, feature in _REGISTRY.items() if isinstance(feature, Feature))


def spatial_feature_names() -> tuple[str, ...]:
    """Returns the names of all registered features between channels."""
    return tuple(name for name, feature in _REGISTRY.items() if isinstance(feature, SpatialFeature))
