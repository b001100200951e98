"""The description of a folder of logger files: a small YAML whose keys are known.

Everything in it is text as written: ``+10:00`` stays an offset (YAML 1.1 makes 600 of it), ``0.10`` stays ``0.10``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loam.config.read import checked
from loam.errors import ConfigError
from loam.probes.logger.column_numbers import NumberStyle
from loam.probes.logger.entries import Entry, check_periods, parse_entry, place
from loam.probes.logger.local_times import Clock, check_format, parse_zone
from loam.probes.logger.schema import DescriptionFile, StationOfFile, TimeOfRow
from loam.probes.logger.text_pieces import TextStyle


@dataclass(frozen=True)
class StationRule:
    """Where the station's name is: ``source`` is file name, header line or column."""

    source: str
    pattern: re.Pattern[str] | None
    line: int
    column: str


@dataclass(frozen=True)
class Description:
    """All of a description, checked."""

    path: Path
    files: str
    text: TextStyle
    numbers: NumberStyle
    station: StationRule
    time_columns: tuple[str, ...]
    clock: Clock
    entries: tuple[Entry, ...]
    duplicates: str
    daily: bool


class _Loader(yaml.SafeLoader):
    """YAML whose plain scalars are text, but for whole numbers, true, false and null; a key may be there once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen if isinstance(key, yaml.ScalarNode) else False:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' is there twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"-?(0|[1-9][0-9]{0,8})$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(true|false|True|False)$"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(~|null|Null|NULL|)$"), ["~", "n", "N", ""])


def read_description(path: Path) -> Description:
    """Read and check a description.

    Raises:
        ConfigError: the file is not there or no YAML; a key is unknown (named with the nearest known one), lacks, or
            has a wrong value; values contradict each other.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        given = _checked(yaml.load(text, Loader=_Loader), path)
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror})", where=path, fix="check key 'description' of the probes in the config"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8", where=path, fix="save the description as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(
            f"not readable as YAML ({error.problem})", where=f"{path}{line}",
            fix='a text with : # % " or { in it needs quotation marks around it',
        ) from None  # fmt: skip
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"not readable as YAML ({type(error).__name__}: {error})", where=path) from None
    return _describe(given, path)


def _checked(raw: Any, path: Path) -> DescriptionFile:
    if not isinstance(raw, dict):
        raise ConfigError("holds no keys", where=path, expected="keys as in docs/how-to/use-your-own-probes.md")
    return checked(DescriptionFile, raw, lambda parts: place(path, *parts), path)


def _describe(given: DescriptionFile, path: Path) -> Description:
    lines = given.lines
    names = tuple(sorted(lines.names)) if isinstance(lines.names, list) else (lines.names,)
    after = max(*names, lines.units or 0)
    data = after + 1 if lines.data is None else lines.data
    if lines.units in names or data <= after:
        raise ConfigError(
            "lines overlap", where=place(path, "lines"), expected="names and units in two lines, data after both"
        )
    numbers = NumberStyle(
        given.decimal, given.thousands, tuple("" if code is None else str(code).strip() for code in given.missing)
    )
    if numbers.decimal == numbers.thousands:
        raise ConfigError("decimal and thousands are the same", where=place(path, "thousands"))
    entries = tuple(parse_entry(item, path, number) for number, item in enumerate(given.columns))
    check_periods(entries, path)
    columns = given.time.column
    return Description(
        path=path,
        files=given.files,
        text=TextStyle(given.delimiter, given.encoding, names, lines.units, data),
        numbers=numbers,
        station=_station(given.station, data, path),
        time_columns=tuple(str(name) for name in (columns if isinstance(columns, list) else [columns])),
        clock=_clock(given.time, given.daily, path),
        entries=entries,
        duplicates=given.duplicates,
        daily=given.daily,
    )


def _clock(time: TimeOfRow, daily: bool, path: Path) -> Clock:
    check_format(time.format, where=place(path, "time", "format"))
    zoned = "%z" in time.format
    if (zoned or daily) and time.zone is not None:
        why = "%z in the format gives every time its own" if zoned else "a daily value has a day, no clock time"
        raise ConfigError(f"a zone and {why}", where=place(path, "time", "zone"), fix="delete one of the two")
    if zoned and daily:
        raise ConfigError("daily values with an offset (%z)", where=place(path, "time", "format"), fix="delete %z")
    if not (zoned or daily) and time.zone is None:
        raise ConfigError(
            "key 'zone' is missing", where=place(path, "time"),
            fix='say which clock the logger keeps: an offset from UTC like "+10:00", or a zone like Australia/Hobart',
        )  # fmt: skip
    tz = None if time.zone is None else parse_zone(str(time.zone), where=place(path, "time", "zone"))
    return Clock(time.format, tz, time.ambiguous, time.nonexistent)


def _station(station: StationOfFile, data_line: int, path: Path) -> StationRule:
    source = station.from_
    needed = {"file name": ["pattern"], "header line": ["pattern", "line"], "column": ["column"]}[source]
    for key in ("pattern", "line", "column"):
        if (key in needed) != (getattr(station, key) is not None):
            what = f"key '{key}' is missing" if key in needed else f"key '{key}' is not used"
            raise ConfigError(f"{what} when the station is from the {source}", where=place(path, "station"))
    pattern = None
    if station.pattern is not None:
        where = place(path, "station", "pattern")
        try:
            pattern = re.compile(station.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ConfigError(f"not a regular expression ({error})", where=where) from None
        if "station" not in pattern.groupindex:
            raise ConfigError("no group named station", where=where, expected='like "(?P<station>[^_]+)_.*"')
    line = station.line or 1
    if line >= data_line:
        raise ConfigError(
            f"line {line} is not above the readings", where=place(path, "station", "line"),
            fix="set lines.data to the line of the first reading",
        )  # fmt: skip
    return StationRule(source, pattern, line, str(station.column) if station.column is not None else "")
