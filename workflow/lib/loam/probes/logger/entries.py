"""The items of a description's ``columns``: what a column of the files holds, at which depth, in which unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from loam.errors import ConfigError, LoamError, TableError
from loam.probes.logger.column_units import is_store
from loam.probes.logger.depths import CENTIMETRES, EXAMPLES, parse_depth
from loam.probes.logger.schema import Column as ColumnOfFile
from loam.probes.logger.schema import DepthInColumn, InColumn
from loam.probes.reading_units import canonical_unit, is_counts


@dataclass(frozen=True)
class DepthColumn:
    """Depths are in a column, row by row; ``unit`` is that of numbers without one."""

    column: str
    unit: str | None


@dataclass(frozen=True)
class Entry:
    """One item of ``columns``: what a column of the files holds.

    Args:
        column: its name.
        position: which column of the file it is, from 1, where several have that name; or None.
        variable: one of readings.VARIABLES.
        depth: limits in cm, or the column that has them.
        unit: of the values, as written.
        sensor: name of the sensor; with ``sensor_column`` the column that has it.
        flag: column of the logger's own flags, or None.
        where: columns and the text they must have for a row to count.
        first, last: days on the logger's clock, both included, or None.
        optional: whether files may lack the column.
        counts: the sensor's counts in air and in water, by which its raw counts become scaled frequencies; or None.
    """

    column: str
    position: int | None
    variable: str
    depth: tuple[float, float] | DepthColumn
    unit: str
    sensor: str
    sensor_column: str | None
    flag: str | None
    where: tuple[tuple[str, str], ...]
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    optional: bool
    counts: tuple[float, float] | None

    @property
    def unit_of_values(self) -> str:
        """The unit once raw counts are scaled by the counts in air and water."""
        return self.unit if self.counts is None else "scaled frequency"

    def columns(self) -> list[str]:
        """Every column that the entry reads."""
        others = [self.depth.column if isinstance(self.depth, DepthColumn) else None, self.sensor_column, self.flag]
        return [self.column, *(name for name in others if name), *(name for name, _ in self.where)]


def place(path: Path, *parts: object) -> str:
    """Where in a description: ``probes.yaml, key 'columns', entry 2, 'unit'``."""
    words = [f"entry {part + 1}" if isinstance(part, int) else f"'{str(part)[:60]}'" for part in parts]
    return f"{path}, key {', '.join(words)}" if words else str(path)


def check_store(variable: str, unit: str, depth: tuple[float, float], *, where: object, error: type[LoamError]) -> None:
    """Refuse moisture in mm at a point: a store becomes moisture by the thickness of its layer."""
    if is_store(variable, unit) and depth[0] == depth[1]:
        raise error("mm of water and the depth of a point", where=where, expected="an interval, like 0-30 cm")


def parse_entry(item: ColumnOfFile, path: Path, number: int) -> Entry:
    """One item of ``columns``, the ``number``-th from 0, as its file's description has it.

    Raises:
        ConfigError: the unit or the depth is wrong, or they contradict each other or the variable.
    """

    def at(*keys: str) -> str:
        return place(path, "columns", number, *keys)

    depth = _depth(item, at)
    unit, variable = str(item.unit), item.variable
    try:
        canonical_unit(variable, unit)
    except TableError as error:
        raise ConfigError(error.what, where=at("unit"), expected=error.expected) from None
    if isinstance(depth, tuple):
        check_store(variable, unit, depth, where=at("depth"), error=ConfigError)
    days = [_day(item.from_, at("from")), _day(item.until, at("until"))]
    if None not in days and days[0] > days[1]:
        raise ConfigError("'from' is after 'until'", where=at("from"))
    sensor = item.column if item.sensor is None else item.sensor
    in_column = sensor.column if isinstance(sensor, InColumn) else None
    return Entry(
        column=str(item.column), position=item.position, variable=variable, depth=depth, unit=unit,
        sensor=str(sensor) if in_column is None else "", sensor_column=None if in_column is None else str(in_column),
        flag=None if item.flag is None else str(item.flag),
        where=tuple((column, str(text)) for column, text in (item.where or {}).items()),
        first=days[0], last=days[1], optional=item.optional, counts=_counts(item, at),
    )  # fmt: skip


def _depth(item: ColumnOfFile, at: Callable[..., str]) -> tuple[float, float] | DepthColumn:
    depth = item.depth
    if item.variable.startswith("soil_"):
        if depth is None:
            raise ConfigError(
                f"key 'depth' is missing for {item.variable}", where=at(),
                expected=f'{EXAMPLES}, or {{column: Depth, unit: cm}}',
            )  # fmt: skip
        if isinstance(depth, DepthInColumn):
            if depth.unit is not None and depth.unit not in CENTIMETRES:
                raise ConfigError(
                    f"unit '{depth.unit}' of depths", where=at("depth", "unit"), expected="cm, mm, m or in"
                )
            return DepthColumn(str(depth.column), depth.unit)
        return parse_depth(str(depth), where=at("depth"), error=ConfigError)
    if depth is not None:
        raise ConfigError(f"a depth for {item.variable}, above the ground", where=at("depth"), fix="delete it")
    return 0.0, 0.0


def _counts(item: ColumnOfFile, at: Callable[..., str]) -> tuple[float, float] | None:
    air, water = item.air_counts, item.water_counts
    if air is None and water is None:
        return None
    if air is None or water is None:
        given, other = ("water_counts", "air_counts") if air is None else ("air_counts", "water_counts")
        raise ConfigError(f"'{given}' without '{other}'", where=at(given), expected="both, or none")
    if item.variable != "soil_moisture" or not is_counts(str(item.unit)):
        raise ConfigError(
            f"counts in air and water for {item.variable} in '{item.unit}'", where=at("air_counts"),
            expected="soil_moisture in counts",
        )  # fmt: skip
    if air <= water:
        raise ConfigError(
            f"{air:g} counts in air and {water:g} in water make no scale", where=at("air_counts"),
            expected="more in air than in water", fix="exchange them perhaps",
        )  # fmt: skip
    return float(air), float(water)


def _day(text: str | None, where: str) -> pd.Timestamp | None:
    if text is None:
        return None
    try:
        day = pd.Timestamp(pd.to_datetime(text, format="%Y-%m-%d"))
    except ValueError:
        day = pd.NaT
    if pd.isna(day) or not 1900 <= day.year <= 2200:
        raise ConfigError(f"'{text}' is not a day", where=where, expected="YYYY-MM-DD")
    return day


def check_periods(entries: tuple[Entry, ...], path: Path) -> None:
    """A column may be there again for another time or other rows, not twice for the same readings."""
    early, late = pd.Timestamp("1900-01-01"), pd.Timestamp("2200-01-01")
    for number, entry in enumerate(entries):
        for earlier, other in enumerate(entries[:number]):
            if (entry.column, entry.position, entry.where) != (other.column, other.position, other.where):
                continue
            if (entry.first or early) <= (other.last or late) and (other.first or early) <= (entry.last or late):
                raise ConfigError(
                    f"column '{entry.column}' is described twice for the same days",
                    where=place(path, "columns", number),
                    fix=f"give this entry and entry {earlier + 1} periods that do not overlap ('from' and 'until'), "
                    "or delete one",
                )  # fmt: skip
