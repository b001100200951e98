"""Section ``sentinel1``: from Sentinel-1 products to backscatter on the run's grid."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from loam.config.model import Number, Odd, Section


class Speckle(Section):
    """The speckle filter's settings."""

    filter: Literal["lee_sigma", "none"] = Field(
        "lee_sigma", description="Improved Lee sigma filter (Lee et al. 2009) or none."
    )
    looks: Number = Field(
        4.4,
        gt=0,
        description="Equivalent number of looks of the products; some 4.4 for GRDH of IW. SNAP's default of 1 smooths "
        "more.",
    )
    window: Odd = Field(7, ge=3, description="Side of the window, odd.")
    target: Odd = Field(3, ge=1, description="Side of the window of the first estimate, odd.")
    sigma: Number = Field(0.9, gt=0, lt=1, description="Share of the speckle that counts as such.")


class Sentinel1(Section):
    """How products become backscatter."""

    orbit: Literal["best", "precise", "restituted", "annotated"] = Field(
        "best",
        description="Orbit: `best` is the precise one, the restituted one while that is not published, else the "
        "product's own, with a warning; `precise` and `restituted` take no other; `annotated` is the product's own, "
        "and none is fetched. With products of your own, orbit files lie beside them.",
    )
    thermal_noise: bool = Field(True, description="Take the thermal noise off.")
    geoid: str | None = Field(
        None,
        description="Grid of the geoid that the elevation model's heights stand on; looked for among PROJ's data if "
        "null.",
        examples=["us_nga_egm08_25.tif"],
    )
    speckle: Speckle = Field(default_factory=Speckle, description="Speckle filter.")
