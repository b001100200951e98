"""Section ``mapping``: which days are mapped, where, from which rasters."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from loam.config.days import days_named
from loam.config.model import AsText, Bounds, Day, EachOnce, Names, Number, Section, Words
from loam.config.refusal import RefusalError
from loam.config.sections.training import Scenario

Moisture = Annotated[Number, Field(ge=0, le=1)]


def _days_of_ranges(entries: Any) -> Any:
    return days_named(entries) if isinstance(entries, list) else entries


def _epsg(text: str) -> str:
    digits = "".join(letter for letter in text if letter.isdigit())
    if text != f"EPSG:{digits}" or not digits:
        fix = f"write EPSG:{digits}" if 4 <= len(digits) <= 6 else None
        raise RefusalError(f"'{text}' is not an EPSG code", expected="EPSG and a number, like EPSG:28355", fix=fix)
    return text


def _limits(limits: list[float]) -> list[float]:
    if limits[0] >= limits[1]:
        raise RefusalError(f"{limits[0]} is not below {limits[1]}", expected="[lower, upper], m3 m-3")
    return limits


def _box(bounds: list[float]) -> list[float]:
    west, south, east, north = bounds
    if west >= east or south >= north:
        sides = f"west {west} is not below east {east}" if west >= east else f"south {south} is not below north {north}"
        raise RefusalError(sides, expected="[west, south, east, north]; across 180 degrees, east beyond 180")
    return bounds


def _degrees(bounds: list[float]) -> list[float]:
    west, south, east, north = _box(bounds)
    if min(south, west / 2) < -90 or north > 90 or east > 360:
        raise RefusalError(f"{bounds} are no degrees", expected="[west, south, east, north] in degrees")
    return bounds


class Grid(Section):
    """The grid of the map."""

    like: str | None = Field(
        None,
        description="A raster whose grid (CRS, transform, shape) is taken and whose missing pixels are not mapped. "
        "Null for a run without a map, or where the grid is given by numbers.",
        examples=["my_data/elevation.tif"],
    )
    crs: Annotated[str, AsText, AfterValidator(_epsg), Words("an EPSG code", "EPSG:28355")] | None = Field(
        None, description="Coordinate reference system of a grid given by numbers, as EPSG code."
    )
    bounds: Annotated[Bounds, AfterValidator(_box)] | None = Field(
        None,
        description="Its west, south, east and north edges, in units of the CRS; a whole number of pixels apart.",
        examples=[[540000, 5336000, 564000, 5360000]],
    )
    resolution: Number | None = Field(None, gt=0, description="Side of its pixels, in units of the CRS.", examples=[80])


class MapInput(Section):
    """A file with the pixels of features."""

    sparse: ClassVar[bool] = True

    feature: Names = Field(
        description="Feature, or features of the file's bands in order (netCDF: variables of these names)."
    )
    file: str = Field(
        description="GeoTIFF or netCDF (with time); `{date}`, `{year}`, `{month}` stand for the day that is read. A "
        "file of a daily feature has `{date}` in its name, or time, or a `date`.",
        examples=["my_data/tmin_{date}.tif"],
    )
    date: Day | None = Field(
        None,
        description="The one day that the file of a daily feature holds, where its name does not tell; no other day "
        "can be mapped from it.",
    )
    unit: Names | None = Field(
        None,
        description="Unit of the file's values (one, or one a feature in their order), where the file names none or a "
        "wrong one. Values in another unit than that of the training data are converted, or refused with both names.",
        examples=["degC"],
    )
    classes: dict[str, int] | None = Field(
        None, description="For a class feature: the raster value of each class.", examples=[{"PAST": 1, "FORE": 2}]
    )

    @property
    def features(self) -> list[str]:
        """The names of its features, in the order of its bands."""
        return [self.feature] if isinstance(self.feature, str) else self.feature


class Limits(Section):
    """Limits of the colours of one layer."""

    sparse: ClassVar[bool] = True

    mean: Annotated[list[Moisture], AfterValidator(_limits), Words("[lower, upper]", [0.05, 0.45])] | None = Field(
        None, min_length=2, max_length=2, description="Of the moisture, m3 m-3: [lower, upper]."
    )
    std: Annotated[list[Moisture], AfterValidator(_limits), Words("[lower, upper]", [0, 0.05])] | None = Field(
        None, min_length=2, max_length=2, description="Of the spread over the members, m3 m-3."
    )


class Mapping(Section):
    """What is mapped."""

    dates: Annotated[
        list[Day], BeforeValidator(_days_of_ranges), Words("a list of days", ["2022-08-15"])
    ] | None = Field(
        None,
        description="Days to map; none, or null, for a run without a map. The sandbox has two of its own. "
        "`2022-06-01..2022-08-31` is a range, both ends included; `2022-06-01..2022-08-31 every 7 days` takes each "
        "seventh day from its first.",
    )  # fmt: skip
    model: str | None = Field(
        None,
        description="What makes the map: a network of `training.models`, whose members do; a rival that can map and is "
        "in `evaluation.rivals` (`boosted_trees_all`, `random_forest`, `ridge`), fitted to all rows of the run; or "
        "`best`, the one of these with the lowest median RMSE at held-out stations, where the paired interval to the "
        "next tells them apart (docs/how-to/map.md). Null is `mlp_within` where it is trained, else `lstm`, else the "
        "first network.",
        examples=["mlp", "boosted_trees_all", "best"],
    )
    scenario: Scenario | None = Field(
        None,
        description="Scenario whose members make the map; null is `transfer` where it is trained, else `target`, and "
        "of a rival `both` where there is a source domain. For `best`: that of every system which has it.",
        examples=["transfer"],
    )
    members: Literal["folds", "all"] | None = Field(
        None,
        description="`folds`: the map is the mean over the networks of the first protocol's folds, each of which has "
        "held stations out. `all`: over networks trained on all target stations, for the map alone: the scores stay "
        "those of the folds. Null is `all` for networks of recipe `ours`, `folds` for others. What is trained on the "
        "source domain alone (scenario `source`) is the same either way.",
        examples=["all"],
    )
    seeds: int = Field(
        8,
        ge=1,
        description="How many networks `members: all` trains, each from another seed (and, where a station validates, "
        "with another one); a multiple of the model's own `seeds`, rounded up.",
    )
    grid: Grid = Field(default_factory=Grid, description="The grid of the map.")
    tile: int = Field(512, ge=16, multiple_of=16, description="Pixels a side of a block; bounds the memory.")
    inputs: list[MapInput] = Field(
        [],
        description="Where the pixels of each feature are. A file on another grid is read at its cell nearest to the "
        "pixel's centre.",
        examples=[[{"feature": "tmin", "file": "my_data/tmin_{date}.tif"}]],
    )
    outside: Literal["clip", "extrapolate", "mask"] = Field(
        "clip",
        description="What becomes of a pixel whose inputs lie outside the range of the training data: `clip`, each "
        "input is held at the edge of its range; `extrapolate`, the members read it as it is; `mask`, the pixel has no "
        "value in soil_moisture.tif. trust.tif tells which they are in any case.",
    )
    encoding: Literal["int16", "float32"] = Field(
        "int16",
        description="How soil_moisture.tif holds numbers: `int16`, whole ones in steps of 0.001 m3 m-3 with scale, "
        "offset and nodata in its tags, which GDAL and QGIS follow; `float32`, as they are computed.",
    )
    netcdf: bool = Field(
        False, description="Whether each day's map is written as CF-netCDF too, `soil_moisture.nc` beside the GeoTIFF."
    )
    aggregates: Annotated[list[Literal["month", "season", "year"]], EachOnce] = Field(
        default_factory=list,
        description="Periods over which the maps of the run's days are averaged: `maps/<period>/soil_moisture.tif`, "
        "with `days.tif`, the number of days with a value at each pixel. December is of the next year's summer, DJF.",
        examples=[["month", "season"]],
    )
    record_window: int | None = Field(
        None,
        ge=0,
        le=183,
        description="Days before and after a day's time of the year, of all years that are mapped, that make its "
        "record; with it each day with ten others in its record has `anomaly.tif` and `percentile.tif`. Null for none.",
        examples=[45],
    )
    condition: Literal["stations"] | None = Field(
        None,
        description="`stations`: the map is moved by the residuals of the probes that report on the day "
        "(docs/explanation/conditioning.md), with intervals of the networks that were scored so; takes the map's model "
        "in `evaluation.conditioned`.",
    )
    measurements: str | None = Field(
        None,
        description="Moisture that you have measured at places of the map (CSV; docs/how-to/shift-a-map-by-your-own-"
        "measurements.md): the level of the map is shifted by what the measurements up to its day say of its error, "
        "near them as far as that error reaches.",
        examples=["my_data/measured.csv"],
    )
    scale: dict[str, Limits] = Field(
        {},
        description="Limits of the colours of pictures and QGIS styles, on all days of the run; by layer. A limit that "
        "is not given follows from the target's observed moisture: its 1st and 99th percentile, rounded outwards to "
        "0.05; the spread's upper limit is an eighth of that width.",
        examples=[{"surface": {"mean": [0.05, 0.45]}}],
    )
    zoom: Annotated[Bounds, AfterValidator(_degrees)] | None = Field(
        None,
        description="West, south, east and north of a part of the map that the picture draws larger too, in degrees "
        "whatever the grid's CRS; what of it lies on the map is drawn.",
        examples=[[147.8, -41.7, 148.1, -41.5]],
    )
    rivals: Annotated[list[Literal["boosted_trees_all", "random_forest", "ridge"]], EachOnce] | None = Field(
        None,
        description="Rivals that map the days too, fitted to all rows of the run, and are scored where the truth is "
        "known: `maps/<date>/<rival>/`. Null is `boosted_trees_all` where there is a truth and it does not make the "
        "map, else none.",
        examples=[["boosted_trees_all"]],
    )
    licence: str | None = Field(
        None,
        min_length=1,
        description="Licence of the maps, written into their tags; null is told as not stated. The licences of the "
        "data that were fetched stand in the tags too, and may ask for more.",
        examples=["CC-BY-4.0"],
    )
    truth: str | None = Field(
        None,
        description="Known moisture (netCDF) to score the map against; null for a real run.",
        examples=["my_data/truth.nc"],
    )
