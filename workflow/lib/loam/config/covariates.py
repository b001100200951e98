"""The cube's covariates by name, and the kind of data that each is made from. Read when the workflow is parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from loam.errors import ConfigError

# kind of data: the names of its covariates
KINDS = {
    "terrain": r"elevation|slope|aspect_cos|aspect_sin|wetness",
    "soil": r"(awc|soc|clay|bulk_density)_[1-4]",
    "landcover": r"landcover|landcover_share_[A-Z]+",
    "weather": r"rain|tmin|tmax|rain_\d+",
    "coarse_moisture": r"sm_surface|sm_rootzone",
    "vegetation": r"modis_ndvi(_age)?",
    "sentinel1": r"(vv|vh|local_incidence)|sentinel1_age",
    "sentinel2": r"(ndvi|ndwi)|sentinel2_age",
}

INDICES = ("ndvi", "ndwi")  # of Sentinel-2
NEIGHBOURS = ("slope", "aspect_cos", "aspect_sin", "wetness")
SENTINEL = ("vv", "vh", "local_incidence", "sentinel1_age", "ndvi", "ndwi", "sentinel2_age")
COMPOSITES = ("modis_ndvi", "modis_ndvi_age")
COMPOSITE_AGE = 32  # days for which a 16-day composite stands: as many as the next one may be late
LONGEST_GAP = 180  # days between two observations that a line is drawn between


def kind_of(name: str) -> str:
    """The kind of data that the covariate ``name`` is made from.

    Raises:
        ConfigError: the cube has no covariate of that name.
    """
    for kind, pattern in KINDS.items():
        if re.fullmatch(pattern, name):
            return kind
    raise ConfigError(
        f"the cube has no covariate '{name}'", where="config section 'features'",
        expected="one of docs/reference/covariates.md",
    )  # fmt: skip


def known_at_points(name: str) -> bool:
    """Whether point tables can hold the covariate: not what needs a pixel's neighbours or a processed scene."""
    return name not in NEIGHBOURS and kind_of(name) not in ("sentinel1", "sentinel2")


def covariate_names(features: Mapping[str, Any]) -> list[str]:
    """The names of all covariates that the config's ``features`` reads, in its order."""
    return [
        *features["static"],
        *(item["name"] for item in features["daily"]),
        *features["sequence"]["variables"],
        *(item["name"] for item in features["classes"]),
    ]


def kinds_needed(features: Mapping[str, Any]) -> list[str]:
    """The kinds of data that the features need, in the order of ``KINDS``; land cover always, for the land mask."""
    found = {kind_of(name) for name in covariate_names(features)} | {"landcover"}
    return [kind for kind in KINDS if kind in found]


def reach_of(features: Mapping[str, Any], covariates: Mapping[str, Any]) -> int:
    """Days before a day that its covariates reach back to in the cube: lags, sums and the age of observations."""
    back = {f"rain_{days}": days - 1 for days in covariates["rain_sums"]["days"]}
    back |= dict.fromkeys(SENTINEL, covariates["sentinel"]["maximum_age_days"])
    back |= dict.fromkeys(COMPOSITES, COMPOSITE_AGE)
    if covariates["sentinel"]["sentinel2"] == "linear":
        back |= dict.fromkeys(INDICES, LONGEST_GAP)
    windows = [(item["name"], item["lags"][1]) for item in features["daily"]]
    windows += [(name, days_of_steps(features["sequence"])[1]) for name in features["sequence"]["variables"]]
    return max((lag + back.get(name, 0) for name, lag in windows), default=0)


def days_of_steps(sequence: Mapping[str, Any]) -> list[int]:
    """First and last day, counted back from a row's own, that the steps of the config's ``features.sequence`` read."""
    first, last = sequence["lags"]
    every = sequence.get("every", 1)
    return [first * every, (last + 1) * every - 1]


def ahead_of(features: Mapping[str, Any], covariates: Mapping[str, Any]) -> int:
    """Days after a day that its covariates read: those of observations to draw a line to."""
    linear = covariates["sentinel"]["sentinel2"] == "linear" and set(INDICES) & set(covariate_names(features))
    return LONGEST_GAP if linear else 0
