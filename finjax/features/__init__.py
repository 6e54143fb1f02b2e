"""Closed-form features of sEMG windows: of one channel, which FINs imitate, and between channels."""

from finjax.features import spatial  # registers its features
from finjax.features.registry import (
    Feature,
    SpatialFeature,
    feature_names,
    find_feature,
    get_feature,
    register,
    spatial_feature_names,
)
from finjax.features.single_channel import (
    FLAT_VARIANCE,
    ent,
    kurt,
    logstd,
    logvar,
    mav,
    rms,
    skew,
    smyop,
    ssc,
    ssi,
    var,
    wl,
    zc,
)

__all__ = [
    "FLAT_VARIANCE",
    "Feature",
    "SpatialFeature",
    "ent",
    "feature_names",
    "find_feature",
    "get_feature",
    "kurt",
    "logstd",
    "logvar",
    "mav",
    "register",
    "rms",
    "skew",
    "smyop",
    "spatial",
    "spatial_feature_names",
    "ssc",
    "ssi",
    "var",
    "wl",
    "zc",
]
