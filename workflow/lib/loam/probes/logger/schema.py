"""What the description of a folder of logger files may hold (docs/how-to/use-your-own-probes.md): typed and closed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loam.config.model import EachOnce, Number, Section, Words

Text = Annotated[str, Field(min_length=1), Words("text", "VWC")]
ColumnName = Annotated[Text | int, Words("a column's name", "VWC")]  # a column may be called 10
Line = Annotated[int, Field(ge=1, le=1000), Words("a line's number, from 1 to 1000", 1)]


class InColumn(Section):
    """The column that has the sensor of each row."""

    column: ColumnName


class DepthInColumn(InColumn):
    """The column that has the depth of each row."""

    unit: Text | None = None


class LinesOfFile(Section):
    """Which lines of a file hold what."""

    names: Annotated[
        Line | Annotated[list[Line], Field(min_length=1), EachOnce], Words("a line's number or a list of them", 1)
    ] = 1
    units: Line | None = None
    data: Line | None = None


class StationOfFile(Section):
    """Where the station's name is."""

    from_: Literal["file name", "header line", "column"] = Field(alias="from")
    pattern: Text | None = None
    line: Line | None = None
    column: ColumnName | None = None


class TimeOfRow(Section):
    """Where the time is, how it is written and on which clock."""

    column: Annotated[
        ColumnName | Annotated[list[ColumnName], Field(min_length=1)], Words("a column's name or a list", "Timestamp")
    ]
    format: Text = Field(examples=["%d/%m/%Y %H:%M"])
    zone: Annotated[str | int, Words("an offset or a time zone", "+10:00")] | None = None
    ambiguous: Literal["refuse", "earlier", "later", "order"] = "refuse"
    nonexistent: Literal["refuse", "shift"] = "refuse"


class Column(Section):
    """What a column holds."""

    column: ColumnName
    position: int | None = Field(None, ge=1, le=100_000)
    variable: Literal["soil_moisture", "soil_temperature", "air_temperature", "precipitation"]
    depth: Annotated[str | int | DepthInColumn, Words("a depth, or {column: ..., unit: ...}", "10 cm")] | None = None
    unit: Annotated[Text | int, Words("a unit", "m3 m-3")]
    sensor: Annotated[Text | int | InColumn, Words("a name, or {column: ...}", "SN1")] | None = None
    flag: ColumnName | None = None
    air_counts: Number | None = None
    water_counts: Number | None = None
    where: dict[str, ColumnName] | None = Field(None, min_length=1, examples=[{"What": "moisture"}])
    from_: str | None = Field(None, alias="from", examples=["2021-02-01"])
    until: str | None = Field(None, examples=["2021-02-01"])
    optional: bool = False


class DescriptionFile(Section):
    """All of a description."""

    files: Text = "*.csv"
    delimiter: Literal[",", ";", "\t", "|", " "] = ","
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", "\u00a0"] | None = None
    encoding: Literal["auto", "utf-8", "latin-1"] = "auto"
    lines: LinesOfFile = Field(default_factory=LinesOfFile)
    station: StationOfFile = Field(examples=[{"from": "column", "column": "Site"}])
    time: TimeOfRow = Field(examples=[{"column": "Timestamp", "format": "%d/%m/%Y %H:%M", "zone": "+10:00"}])
    daily: bool = False
    missing: list[str | int | None] = ["", "NA", "NaN", "NAN", "nan"]
    duplicates: Literal["refuse", "first", "last", "mean"] = "refuse"
    columns: list[Column] = Field(
        min_length=1,
        examples=[[{"column": "VWC", "variable": "soil_moisture", "depth": "10 cm", "unit": "m3 m-3"}]],
    )
