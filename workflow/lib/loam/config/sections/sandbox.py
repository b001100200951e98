"""Section ``sandbox``: the synthetic world of the default run."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from loam.config.model import Days, Number, Section, Words
from loam.config.refusal import RefusalError


class Periods(Section):
    """Days of each domain's records."""

    source: Days = Field(["2016-01-01", "2020-12-31"], description="Of the source domain.")
    target: Days = Field(["2020-01-01", "2022-12-31"], description="Of the target domain.")


class Sentinel1Takes(Section):
    """What Sentinel-1 takes."""

    period: Days = Field(["2022-08-01", "2022-08-31"], description="First and last day.")
    incidence: Number = Field(
        38, ge=30, le=45, description="Incidence angle at the region's middle in the first take, degrees."
    )
    direction: Literal["ascending", "descending"] = Field(
        "descending", description="Direction of flight in the first take."
    )
    every: int = Field(3, ge=1, description="Keep each so many-th take.")
    looks: Number = Field(4.4, gt=0, description="Equivalent number of looks of the speckle.")
    gridded: bool = Field(
        False,
        description="Backscatter on the run's pixels, as a service gives it that has done the chain's work, where "
        "products in radar geometry would cost too much.",
    )


class Sentinel2Takes(Section):
    """What Sentinel-2 takes."""

    period: Days = Field(["2022-08-01", "2022-08-31"], description="First and last day.")
    every_days: int = Field(
        10, ge=5, multiple_of=5, description="Days from one to the next; the satellites pass every fifth."
    )


class Scenes(Section):
    """What the satellites take."""

    sentinel1: Sentinel1Takes | None = Field(
        default_factory=Sentinel1Takes, description="Sentinel-1 products; null for none."
    )
    sentinel2: Sentinel2Takes | None = Field(
        default_factory=Sentinel2Takes, description="Sentinel-2 items; null for none."
    )


class Sandbox(Section):
    """The synthetic world."""

    rows: int = Field(300, ge=20, description="Pixels of 80 m of the target region, from north to south.")
    columns: int = Field(300, ge=20, description="The same from west to east.")
    corner: Annotated[list[Number], Words("[x, y]", [540000, 5360000])] = Field(
        [540000, 5360000],
        min_length=2,
        max_length=2,
        description="x and y of its north-western corner, m, EPSG:28355.",
    )
    coast: Literal["corner", "island", "none"] = Field(
        "corner", description="`corner`: the sea covers the south-eastern corner; `island`: it surrounds the land."
    )
    period: Periods = Field(
        default_factory=Periods, description="First and last day of each domain's records; each begins a month."
    )
    drought_year: int | None = Field(2020, description="Year of drought in the target domain; null for none.")
    wet_year: int | None = Field(2022, description="Wet year there; null for none.")
    spin_up_days: int = Field(
        365, ge=0, description="Days that are run before the first, for the soil to forget how it began."
    )
    source_stations: int = Field(39, ge=3, description="Stations of the source domain.")
    target_stations: int = Field(39, ge=3, description="Stations of the target domain.")
    long_records: int = Field(6, ge=0, description="Stations of the target domain with more than a year of record.")
    domain_distance: Number = Field(
        1.0,
        ge=0,
        le=2,
        description="How far apart the two domains are: 0 the same soils and climate, 1 the default, 2 far.",
    )
    scenes: Scenes = Field(
        default_factory=Scenes,
        description="What the satellites take of the target region; listed by `snakemake scenes`.",
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        first, last = self.period.target
        for name in ("drought_year", "wet_year"):
            year = getattr(self, name)
            if name in self.model_fields_set and year is not None and not int(first[:4]) <= year <= int(last[:4]):
                raise RefusalError(
                    f"{year} is no year of sandbox.period.target",
                    expected=f"{first[:4]} to {last[:4]}, or null",
                    key=name,
                )
        if self.wet_year is not None and self.wet_year == self.drought_year:
            raise RefusalError(
                f"{self.wet_year} is the drought year too", expected="another year, or null for one", key="wet_year"
            )
        if self.long_records > self.target_stations:
            raise RefusalError(
                f"is {self.long_records}", expected=f"at most sandbox.target_stations, {self.target_stations}",
                key="long_records",
            )  # fmt: skip
        for name, takes in self.scenes:
            if "scenes" in self.model_fields_set and takes and not first <= takes.period[0] <= takes.period[1] <= last:
                raise RefusalError(
                    f"{takes.period[0]} to {takes.period[1]} is not within sandbox.period.target",
                    expected=f"days from {first} to {last}", key=f"scenes.{name}.period",
                )  # fmt: skip
        return self
