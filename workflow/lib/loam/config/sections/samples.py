"""Section ``samples``: where the rows come from that models learn from and are scored on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from loam.config.covariates import is_rain
from loam.config.model import Name, Number, Section
from loam.config.refusal import RefusalError


class Columns(Section):
    """What the key columns of the tables are called."""

    station: str = Field("station", description="Column of the station's name.")
    date: str = Field("date", description="Column of the day, ISO 8601 (2016-02-05).")
    latitude: str = Field(
        "latitude",
        description="Column of the latitude, degrees north, WGS 84; not read where samples come from probes.",
    )
    longitude: str = Field(
        "longitude",
        description="Column of the longitude, degrees east, WGS 84; not read where samples come from probes.",
    )


class Origins(Section):
    """Where the samples of each domain come from."""

    source: Literal["table", "probes", "cube"] = Field(description="Of the source domain.")
    target: Literal["table", "probes", "cube"] = Field(description="Of the target domain.")


def _no_rain(names: list[str]) -> list[str]:
    if rain := [name for name in names if is_rain(name)]:
        raise RefusalError(f"'{rain[0]}' cannot be filled", expected="covariates that change smoothly from day to day")
    return names


def _odd(pixels: int) -> int:
    if pixels % 2 == 0:
        raise RefusalError(f"{pixels} pixels have no middle one", expected="an odd number", fix=f"write {pixels + 1}")
    return pixels


class Gaps(Section):
    """Days without a value in daily covariates."""

    fill_days: int = Field(
        0, ge=0, description="Gaps of up to so many days are drawn linearly between the days around them; never rain."
    )
    warm_up: int = Field(
        0,
        ge=0,
        description="Days after a longer gap, in any daily covariate, whose moisture is no target; they are counted in "
        "`samples/dropped.csv`.",
    )
    variables: Annotated[list[str], AfterValidator(_no_rain)] | None = Field(
        None,
        description="Covariates whose gaps are filled; null is weather but rain, and modelled moisture, by the names "
        "that docs/reference/covariates.md lists.",
        examples=[["tavg", "satellite"]],
    )


class Teacher(Section):
    """What models of a domain learn moisture from."""

    name: Name = Field(description="Name of the teacher.", examples=["smap"])
    domain: Literal["source", "target"] = Field(description="Domain that it teaches.")
    column: str | dict[str, str] | None = Field(
        None,
        description="Daily column of the domain's table, or covariate of its cube or point tables, that holds its "
        "moisture in m3 m-3; where there are several layers, one for each that it knows. Null: the layers' own "
        "columns, or the probes.",
        examples=[{"surface": "sm_surface"}],
    )
    weight: Number = Field(1.0, gt=0, description="Weight in the loss.")


class Samples(Section):
    """Where rows come from."""

    from_: Literal["table", "probes", "cube", "sandbox"] | Origins | None = Field(
        None,
        alias="from",
        description="Null: what the rest shows, the tables named below, `acquire`, `probes`, else `sandbox`. `table`: "
        "ready tables, one row a (station, date). `probes`: moisture comes from probe files (section `probes`), and "
        "the two tables hold covariates only; both may be one file. `cube`: moisture comes from probe files, "
        "covariates from what section `acquire` fetches, read as the map reads them. `sandbox`: the same from the "
        "synthetic world that section `sandbox` describes; it settles `acquire`, `probes.source`, `probes.target`, "
        "`mapping.grid`, `mapping.truth` (docs/sandbox.md). Or one of the first "
        "three a domain, like {source: table, target: probes}.",
    )
    source: str | None = Field(
        None,
        description="CSV or Parquet table of the source (data-rich) domain; not read with `cube`.",
        examples=["my_data/source.csv"],
    )
    target: str | None = Field(
        None,
        description="CSV or Parquet table of the target domain (the few local probes); not read with `cube`.",
        examples=["my_data/target.csv"],
    )
    columns: Columns = Field(default_factory=Columns, description="What the key columns of the two tables are called.")
    groups: list[str] = Field(
        [],
        description="Columns carried along to group scores by; never features. Where samples come from probes, "
        "`elevation`, `landcover` and `soil` are those of the station.",
        examples=[["landcover"]],
    )
    block: Annotated[int, AfterValidator(_odd)] = Field(
        1,
        ge=1,
        description="Pixels a side of what a station in the cube (`covariates.domains: cube`) stands for, an odd "
        "number: 1 is the pixel that holds it; 3 takes the mean of every covariate over the land among the 3 x 3 "
        "pixels around it, and of a class its share. Moisture is as measured, and maps are of pixels.",
    )
    gaps: Gaps = Field(
        default_factory=Gaps, description="Days without a value in daily covariates. Maps read them as they are."
    )
    teachers: list[Teacher] = Field(
        [],
        description="What models learn moisture from, where that is not the layers' own columns or the probes alone; "
        "of a domain that is named here, all teachers are. Rows and scores hold the first one's that has a value.",
        examples=[[{"name": "smap", "domain": "source", "column": {"surface": "sm_surface"}}]],
    )
