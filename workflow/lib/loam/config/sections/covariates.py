"""Section ``covariates``: how covariates are made from what was fetched or comes with the probes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loam.config.model import EachOnce, Number, Section


class Domains(Section):
    """Where each domain's covariates come from."""

    source: Literal["points", "cube", "coarse_cells"] = Field(
        "points",
        description="`points`: the domain is a set of stations, whose values are fetched as tables; `cube`: its "
        "stations lie in the mapped region; `coarse_cells`: its stations are the cells of the modelled moisture over "
        "the region's land, with means over their pixels and shares of classes, taught by `samples.teachers`.",
    )
    target: Literal["points", "cube"] = Field("cube", description="The same for the target domain.")


class Sentinel(Section):
    """Satellite observations as covariates."""

    maximum_age_days: int = Field(
        30, ge=1, description="Days for which an observation stands for others; older is missing."
    )
    sentinel2: Literal["last_valid", "linear"] = Field(
        "last_valid",
        description="NDVI and NDWI of a day: those of the last valid observation, as known on the day; or on the line "
        "between the observations around it, if the nearer one is no farther than `maximum_age_days` (Simonsen). Their "
        "age is that of the last one either way.",
    )
    outliers: Number | None = Field(
        None,
        gt=0,
        description="Backscatter of a pass whose z-score among the passes of its relative orbit is beyond it is left "
        "out of the samples (Simonsen: 2); null keeps all. Maps keep every pass.",
        examples=[2],
    )


class RainSums(Section):
    """Rain of the last days."""

    days: Annotated[list[Annotated[int, Field(ge=2)]], EachOnce] = Field(
        [30, 90], description="Lengths of the sums in days."
    )
    missing_share: Number = Field(
        0.1,
        ge=0,
        lt=1,
        description="A sum is missing if more than this share of its days has no rain value; else the mean of the days "
        "that have one is taken for the others.",
    )


class Covariates(Section):
    """How covariates are made."""

    domains: Domains = Field(
        default_factory=Domains, description="Where each domain's covariates come from when `samples.from` is `cube`."
    )
    landcover: Literal["majority", "shares"] = Field(
        "majority",
        description="What a pixel gets of the land-cover classes in it: the most frequent one, or each one's share "
        "(features `landcover_share_<CLASS>`).",
    )
    cell_index: Literal["nearest", "bilinear"] = Field(
        "nearest", description="How a pixel reads a coarse field: its nearest cell, or the four around it."
    )
    sentinel: Sentinel = Field(default_factory=Sentinel, description="Sentinel-1 and Sentinel-2 as covariates.")
    rain_sums: RainSums = Field(
        default_factory=RainSums,
        description="Rain of the last days, the day itself included, as covariates `rain_<days>`; in a table that has "
        "`rain` and no such column of its own, too.",
    )
