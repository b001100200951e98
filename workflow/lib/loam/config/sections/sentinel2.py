"""Section ``sentinel2``: from Sentinel-2 products to NDVI and NDWI on the run's grid."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loam.config.model import EachOnce, Percent, Section, Share

SceneClass = Annotated[int, Field(ge=2, le=11)]  # 0 is no data, 1 saturated or defective


class Sentinel2(Section):
    """How products become indices."""

    scl: Annotated[list[SceneClass], EachOnce] = Field(
        [4, 5, 7], min_length=1, description="Scene classes that are valid: 4 vegetation, 5 bare soil, 7 unclassified."
    )
    cloud_probability: Percent = Field(
        90, gt=0, description="Pixels whose cloud probability reaches it, %, are masked."
    )
    snow_probability: Percent = Field(90, gt=0, description="The same for snow.")
    cloud_buffer: int = Field(
        0,
        ge=0,
        le=250,
        description="20 m pixels around cloud, cirrus and cloud shadow that are masked too, by distance; 0 for none. "
        "Their edges are seldom sharp: 3 to 10 is usual.",
    )
    minimum_share: Share = Field(0.5, description="Share of a pixel's area that must be valid.")
