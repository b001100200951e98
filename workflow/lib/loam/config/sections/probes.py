"""Section ``probes``: files of soil-moisture probes, and how daily moisture of the layers is made from them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from loam.config.model import Bounds, EachOnce, Number, Offset, Section, Share
from loam.config.refusal import RefusalError

Flag = Literal[
    "out_of_range", "above_porosity", "frozen", "spike", "break_drop", "break_jump", "low_plateau",
    "saturated_plateau", "stuck", "drift", "repeats_depth", "repeats_station", "no_response", "provider",
]  # fmt: skip


def _region(bounds: list[float]) -> list[float]:
    west, south, east, north = bounds
    width = east - west if east > west else east + 360 - west if east < west else 0
    across = east < west and width > 180  # rather two numbers exchanged than a region across 180
    if not (-180 <= west <= 180 and -180 <= east <= 180 and width and not across and -90 <= south < north <= 90):
        raise RefusalError(
            f"{bounds} is no region",
            expected="west, south, east, north in degrees, -180 to 180, like [146.0, -36.0, 148.0, -34.0]; west above "
            "east lies across 180",
        )
    return bounds


class ProbeFiles(Section):
    """Where a domain's probe files are."""

    sparse: ClassVar[bool] = True

    format: Literal["awra", "icos", "ismn", "logger", "ozflux", "oznet", "uscrn"] = Field(
        description="Format of the files.", examples=["ismn"]
    )
    path: str = Field(description="File or folder.", examples=["my_probes/files"])
    stations: str | None = Field(
        None,
        description="Station table: CSV or Parquet with `station` and any of latitude, longitude, elevation, "
        "bulk_density, porosity, landcover, soil; its values win over the files'. `awra`: the list of sites.",
        examples=["my_probes/stations.csv"],
    )
    description: str | None = Field(
        None, description="`logger`: YAML that describes the files.", examples=["my_probes/description.yaml"]
    )
    network: str | None = Field(
        None,
        description="`awra`: network (`set`) of the list of sites that is read; OzNet if left out.",
        examples=["OzNet"],
    )
    include: list[str] | None = Field(
        None,
        min_length=1,
        description="Names of stations to take, with `*` for any letters; all if left out.",
        examples=[["Y*"]],
    )
    bounds: Annotated[Bounds, AfterValidator(_region)] | None = Field(
        None,
        description="West, south, east, north limits of the region, degrees; stations outside are left out, and one "
        "that would be inside with swapped coordinates or another sign is an error. All if left out.",
    )
    provider_good: list[str] | None = Field(
        None,
        description="Flags of the provider with which a reading is good; any other gets flag `provider`. The format's "
        "own if left out.",
        examples=[["G"]],
    )
    provider_bad: list[str] | None = Field(
        None, description="Flags of the provider with which a reading gets flag `provider`.", examples=[["D01"]]
    )
    utc_offset: Offset | None = Field(
        None, description="Offset of the files' clock from UTC, for formats that leave it open."
    )


class Quality(Section):
    """Settings of the quality control."""

    exclude: Annotated[list[Flag], EachOnce] = Field(
        ["out_of_range", "above_porosity", "frozen", "spike", "break_drop", "break_jump", "low_plateau", "stuck",
         "repeats_depth", "repeats_station", "provider"],
        description="Flags that keep a reading (`repeats_*`: a day) out of the layers; others are only noted.",
    )  # fmt: skip
    maximum: Number = Field(
        0.6, gt=0, le=1, description="Moisture above it, m3 m-3, is out of range; so is any below 0."
    )
    frozen_soil: Number = Field(0.0, description="Soil temperature, degC, at or below which the soil counts as frozen.")
    frozen_air: Number = Field(
        0.0, description="Air temperature, degC, at or below which it does where no soil temperature is known."
    )
    stuck_days: Number = Field(
        14,
        gt=0,
        description="Days with one and the same value, while rain or another depth should have moved it, that make a "
        "sensor stuck.",
    )
    drift_per_year: Number = Field(
        0.03,
        gt=0,
        description="Drift against the station's other depths, m3 m-3 a year, from which on it is flagged.",
    )
    response_rain: Number = Field(
        20.0, gt=0, description="Rain of a day, mm, to which a sensor near the surface must respond."
    )
    rain_distance_km: Number = Field(
        25,
        ge=0,
        description="A station without rain of its own must respond to that of the nearest station of its domain that "
        "has rain, if it is no farther than this (flag `no_response` only).",
    )


class Calibration(Section):
    """A relation from what a probe reports to moisture."""

    relation: Literal["none", "linear", "power", "bulk_density", "bulk_density_linear", "gravimetric"] = Field(
        "none", description="Name of the relation."
    )
    coefficients: dict[str, Number] = Field(
        {}, description="Its coefficients by name.", examples=[{"slope": 0.8, "intercept": 0.02}]
    )


class Calibrations(Section):
    """One relation a domain."""

    source: Calibration = Field(
        default_factory=Calibration,
        description="Of the source domain's probes: `relation` and its `coefficients` by name. `none`: values are "
        "right as they are; `linear` (slope, intercept) and `power` (a, b, c) for raw or scaled counts; `bulk_density` "
        "(Topp's permittivity, then Malicki et al. 1996) and `bulk_density_linear` (k0, k1) read the station's bulk "
        "density; `gravimetric` multiplies by it, and is taken by itself where the unit is g g-1.",
    )
    target: Calibration = Field(default_factory=Calibration, description="The same for the target domain.")


class StationMap(Section):
    """A raster that gives what station tables do not."""

    sparse: ClassVar[bool] = True

    column: Literal["bulk_density", "porosity", "elevation", "landcover", "soil"] = Field(
        description="What the map holds: bulk density in g cm-3, porosity in m3 m-3, elevation in m; codes of land "
        "cover and soil are taken as text.",
        examples=["bulk_density"],
    )
    file: str = Field(
        description="Raster in any coordinate reference system; the pixel whose centre is nearest is read.",
        examples=["my_data/soil.tif"],
    )
    band: int | None = Field(None, ge=1, description="Its band; 1 if left out.", examples=[1])


class Probes(Section):
    """Probe files and how they are read."""

    source: ProbeFiles | None = Field(
        None,
        description="Where the source domain's probe files are; null where samples come from tables.",
        examples=[{"format": "ismn", "path": "my_probes/ismn"}],
    )
    target: ProbeFiles | None = Field(
        None,
        description="The same for the target domain.",
        examples=[{"format": "logger", "path": "my_probes/files", "description": "my_probes/description.yaml"}],
    )
    minimum_share: Share = Field(
        0.75,
        description="Share of a day's readings that must be left for a daily mean. How many a day should have is read "
        "off the sensor's most frequent interval in that year.",
    )
    layer_share: Share = Field(
        0.5,
        description="Share of a layer's thickness that the sensors of a day must stand for; else the layer is missing "
        "(docs/explanation/depth-harmonisation.md).",
    )
    smoothing: Number = Field(
        0.1,
        ge=0,
        description="Lambda of the equal-area spline that turns depths into layers (Bishop et al. 1999); 0 keeps every "
        "reading's mean.",
    )
    quality: Quality = Field(
        default_factory=Quality,
        description="Quality control. Flags are kept with the values and counted in `qc_report.csv`; "
        "docs/reference/probe-flags.md describes each.",
    )
    calibration: Calibrations = Field(
        default_factory=Calibrations, description="From what a probe reports to m3 m-3, for each domain."
    )
    maps: list[StationMap] = Field(
        [],
        description="Rasters that give, at a station's pixel, what its table does not; for both domains. Of two of a "
        "column the first that has a value counts.",
        examples=[[{"column": "bulk_density", "file": "my_data/soil.tif"}]],
    )
