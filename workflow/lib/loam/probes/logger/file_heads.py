"""The files of a folder, each checked by its head: its station, and whether the described columns are there."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from loam.errors import ConfigError, TableError
from loam.io.archives import without_strewn
from loam.io.written_names import one_form
from loam.probes.logger.column_units import same_unit
from loam.probes.logger.description import Description
from loam.probes.logger.entries import Entry, place
from loam.probes.logger.station_table import did_you_mean
from loam.probes.logger.text_pieces import Head, read_head

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", " ": "a space"}


@dataclass(frozen=True)
class LoggerFile:
    """A file whose head has been read: its columns, its station (None: in a column), the entries it has."""

    path: Path
    names: list[str]
    station: str | None
    entries: list[Entry]


def list_files(folder: Path, description: Description, others: list[Path]) -> list[Path]:
    """The files that fit the description, but for ``others`` (station table, description)."""
    if folder.is_file():
        fix = "unpack it, and give the folder" if folder.suffix.lower() == ".zip" else "give the folder it lies in"
        raise TableError("this is a file", where=folder, expected="a folder of logger files", fix=fix)
    if not folder.is_dir():
        raise TableError("no such folder", where=folder, fix="check key 'path' of the probes in the config")
    where = place(description.path, "files")
    pattern = Path(description.files)
    if pattern.is_absolute() or ".." in pattern.parts:
        raise ConfigError("files outside the folder", where=where, fix='give a pattern like "*.csv"')
    try:
        aside = {path.resolve() for path in others}
        fitting = without_strewn(folder.glob(description.files), folder)
        found = sorted(path for path in fitting if path.is_file() and path.resolve() not in aside)
    except (ValueError, NotImplementedError, OSError, re.error) as error:
        raise ConfigError(f"'{description.files}' is no pattern of file names ({error})", where=where) from None
    if not found:
        raise TableError(f"no file fits '{description.files}'", where=folder, fix="check 'files' in the description")
    return found


def plan_file(path: Path, description: Description) -> LoggerFile:
    """Check a file's head against the description."""
    head = read_head(path, description.text)
    line = f"{path}, line {description.text.names_lines[-1]}"
    needed = [*description.time_columns, *([description.station.column] if description.station.column else [])]
    wanted = [*needed, *(name for entry in description.entries if entry.position is None for name in entry.columns())]
    head = _by_last_line(head, wanted)
    entries = []
    for name in needed:
        _require_column(name, head, line, description.text.delimiter)
    for described in description.entries:
        entry, head = _at_position(described, head, line)
        if entry.optional and entry.column not in head.names:
            continue
        for name in entry.columns():
            _require_column(name, head, line, description.text.delimiter)
        _check_unit_row(entry, head, path, description)
        entries.append(entry)
    if not entries:
        raise TableError("none of the described columns", where=line, expected="at least one of 'columns'")
    return LoggerFile(path, head.names, _station_name(path, head, description), entries)


def _by_last_line(head: Head, wanted: list[str]) -> Head:
    """The head with columns called by the last of several lines of names, where one column alone has that name."""
    names = list(head.names)
    for name in wanted:
        if name not in names and head.last.count(name) == 1:
            names[head.last.index(name)] = name
    return replace(head, names=names)


def _at_position(entry: Entry, head: Head, line: str) -> tuple[Entry, Head]:
    """The entry and the head with a name of its own for a column that is found by its position."""
    if entry.position is None:
        return entry, head
    found = head.names[entry.position - 1] if entry.position <= len(head.names) else None
    if found is None or entry.column not in (found, head.last[entry.position - 1], f"{found} [{entry.position}]"):
        raise TableError(
            f"column {entry.position} is " + (f"'{head.last[entry.position - 1]}'" if found else "not there"),
            where=line, expected=f"'{entry.column}' in that position, as described",
            fix="correct 'position' in the description, or take this file out of the folder",
        )  # fmt: skip
    own = f"{entry.column} [{entry.position}]"
    names = [own if number == entry.position else name for number, name in enumerate(head.names, start=1)]
    return replace(entry, column=own), replace(head, names=names)


def _require_column(name: str, head: Head, line: str, delimiter: str) -> None:
    count = head.names.count(name)
    if count > 1:
        places = ", ".join(str(number) for number, other in enumerate(head.names, start=1) if other == name)
        raise TableError(
            f"column '{name}' is there {count} times, as columns {places}", where=line,
            fix="give each its position in its entry, `position: 2`; or, where lines above the names tell them apart "
            "(a port, a sensor), join these: lines: {names: [1, 2, 3]}",
        )  # fmt: skip
    if count:
        return
    if len(head.names) == 1:
        for other, word in DELIMITERS.items():
            if other != delimiter and name in [cell.strip(' "') for cell in head.names[0].split(other)]:
                shown = "\\t" if other == "\t" else other
                raise TableError(
                    f"the columns are not separated by {DELIMITERS[delimiter]}", where=line,
                    fix=f'they look separated by {word}: set delimiter: "{shown}"',
                )  # fmt: skip
    raise TableError(
        f"no column '{name}'", where=line, expected=f"one of {', '.join(head.names)}"[:400],
        fix=f"{did_you_mean(name, head.names)} A column that only some files have is marked optional: true",
    )  # fmt: skip


def _check_unit_row(entry: Entry, head: Head, path: Path, description: Description) -> None:
    position = head.names.index(entry.column)
    if position >= len(head.units):
        return
    if same_unit(entry.variable, head.units[position], entry.unit) is False:
        raise TableError(
            f"the file gives '{head.units[position]}' as the unit of column '{entry.column}'",
            where=f"{path}, line {description.text.units_line}", expected=f"'{entry.unit}', as described",
            fix="correct the unit in the description, or take this file out of the folder",
        )  # fmt: skip


def _station_name(path: Path, head: Head, description: Description) -> str | None:
    rule = description.station
    if rule.pattern is None:
        return None
    text = path.name
    if rule.source == "header line":
        text = head.lines[rule.line - 1] if len(head.lines) >= rule.line else ""
    match = rule.pattern.search(text)
    if match is None or not (match["station"] or "").strip():
        where = path if rule.source == "file name" else f"{path}, line {rule.line}"
        raise TableError(
            f"no station's name in '{text[:80]}'", where=where, expected=f"the pattern {rule.pattern.pattern}",
            fix="correct station.pattern, or 'files' if this is no logger file",
        )  # fmt: skip
    return one_form(match["station"].strip())
