"""Closed-form features of sEMG windows: of one channel, which FINs imitate, and between channels."""

from finjax.features import single_channel, spatial  # they register their features
from finjax.features.registry import (
    Feature,
    SpatialFeature,
    feature_names,
    find_feature,
    get_feature,
    register,
    spatial_feature_names,
)
from finjax.features.single_channel import FLAT_VARIANCE

__all__ = [
    "FLAT_VARIANCE",
    "Feature",
    "SpatialFeature",
    "feature_names",
    "find_feature",
    "get_feature",
    "register",
    "single_channel",
    "spatial",
    "spatial_feature_names",
]
