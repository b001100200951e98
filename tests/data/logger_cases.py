"""Bad input of the logger reader: each case with its files and what must come of it.

``python tests/data/logger_cases.py`` writes docs/reference/probe-errors.md from them; the tests run each case and
compare it with the page.
"""

from __future__ import annotations

import io
import logging
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from loam.config.sections.probes import ProbeFiles

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "probe-errors.md"

STATIONS = "station,latitude,longitude\nK1,-35.10,147.20\n"
HEAD = "Timestamp,SM 10cm (%)\n"
ROWS = "01/02/2021 00:00,21.5\n01/02/2021 00:30,21.6\n01/02/2021 01:00,21.7\n"
TIME = '{column: Timestamp, format: "%d/%m/%Y %H:%M", zone: "+10:00"}'
LOCAL = TIME.replace('"+10:00"', "Australia/Hobart")
COLUMN = '{column: "SM 10cm (%)", variable: soil_moisture, depth: 10 cm, unit: "%"}'
FROM_NAME = '{from: file name, pattern: "(?P<station>[^_]+)_.*"}'


def describe(*, station: str = FROM_NAME, time: str = TIME, columns: str = f"[{COLUMN}]", more: str = "") -> str:
    """A description with some parts replaced."""
    return f"station: {station}\ntime: {time}\ncolumns: {columns}\n{more}"


@dataclass(frozen=True)
class Case:
    """Files, and what must come of them: ``says`` is part of the error, or ``check`` looks at the readings."""

    name: str
    says: str = ""
    handled: str = ""
    check: Callable[[pd.DataFrame], bool] | None = None
    files: dict[str, str | bytes] = field(default_factory=lambda: {"K1_2021.csv": HEAD + ROWS})
    description: str = describe()
    stations: str | bytes = STATIONS
    path: str = "probes"

    def write(self, folder: Path) -> ProbeFiles:
        """Write the files; the settings of the reader."""
        from probe_settings import probes_at

        (folder / "probes").mkdir(parents=True, exist_ok=True)
        texts = {f"probes/{name}": text for name, text in self.files.items()}
        texts |= {"description.yaml": self.description, "stations.csv": self.stations}
        for name, text in texts.items():
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return probes_at(
            "logger", folder / self.path, description=folder / "description.yaml", stations=folder / "stations.csv"
        )


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def run(case: Case, folder: Path) -> tuple[pd.DataFrame | None, str]:
    """The readings, or None; and the error or the warnings, without the folder."""
    from loam.errors import LoamError
    from loam.probes.logger.reader import read_logger

    warnings, log = _Warnings(), logging.getLogger("loam")
    log.addHandler(warnings)
    try:
        frames = list(read_logger(case.write(folder)).readings)
    except LoamError as error:
        return None, str(error).replace(f"{folder}/", "")
    finally:
        log.removeHandler(warnings)
    readings = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["station", "value", "time"])
    return readings, "; ".join(warnings.lines).replace(f"{folder}/", "")


def _one(text: str | bytes) -> dict[str, str | bytes]:
    return {"K1_2021.csv": text}


def _values(*expected: float) -> Callable[[pd.DataFrame], bool]:
    return lambda frame: np.allclose(frame["value"], expected, equal_nan=True)


def _hours(*hours: str) -> Callable[[pd.DataFrame], bool]:
    return lambda frame: list(frame["time"].dt.strftime("%d %H:%M")) == list(hours)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("K1_2021.csv", HEAD + ROWS)
    return buffer.getvalue()


_TEXT = HEAD + ROWS
_COLUMN_20 = '{column: SM 20, variable: soil_moisture, depth: 20 cm, unit: "%"}'
_TWO = "station,latitude,longitude\nK1,-35.10,147.20\nK2,-35.2,147.3\n"
_BACK = HEAD + "".join(
    f"04/04/2021 {clock},{20 + n}\n" for n, clock in enumerate(["01:30", "02:00", "02:30", "02:00", "02:30"])
)
_FORWARD = HEAD + "03/10/2021 01:30,20\n03/10/2021 02:30,21\n03/10/2021 03:30,22\n"
_TWICE = HEAD + "01/02/2021 00:00,21.5\n01/02/2021 00:30,21.6\n01/02/2021 00:30,{}\n"
_DEPTHS = '[{column: VWC, variable: soil_moisture, depth: {column: Depth}, unit: "%", sensor: CS650}]'
_MIXED = HEAD + "".join(
    f"01/02/2021 {hour:02d}:00,{value}\n" for hour, value in enumerate([21.5, 21.6, 0.217, 0.218, 0.22, 22])
)


def _depths(*cells: str) -> dict[str, str | bytes]:
    return _one("Timestamp,Depth,VWC\n" + "".join(f"01/02/2021 00:00,{cell},2{n}\n" for n, cell in enumerate(cells)))


CASES = [
    # units
    Case("a column in percent with some values as a share", "cannot be %", files=_one(_MIXED)),
    Case(
        "a column said to be a share that is in percent",
        "set the column's unit to %",
        description=describe(columns=f"[{COLUMN}]".replace('unit: "%"', "unit: m3/m3")),
    ),
    Case(
        "a row of units that contradicts the description",
        "the file gives 'm3/m3'",
        files=_one("Timestamp,SM 10cm (%)\n,m3/m3\n" + ROWS),
        description=describe(more="lines: {names: 1, units: 2}"),
    ),
    Case(
        "a unit that nobody knows",
        "unit 'pecrent'",
        description=describe(columns=f"[{COLUMN}]".replace('"%"', "pecrent")),
    ),
    Case(
        "a store in mm at a point",
        "mm of water and the depth of a point",
        description=describe(columns=f"[{COLUMN}]".replace('"%"', "mm")),
    ),
    # depths
    Case(
        'depths as "10-20cm", "100mm", "0.2 m", "0 - 30 cm" in a column',
        handled="10-20, 10, 20 and 0-30 cm",
        files=_depths("10-20cm", "100mm", "0.2 m", "0 - 30 cm"),
        description=describe(columns=_DEPTHS),
        check=lambda f: (
            set(zip(f["depth_from_cm"], f["depth_to_cm"], strict=True)) == {(10, 20), (10, 10), (20, 20), (0, 30)}
        ),
    ),
    Case(
        'a depth "0.1" without a unit in a column',
        "has no unit",
        files=_depths("0.1"),
        description=describe(columns=_DEPTHS),
    ),
    Case(
        "a depth without a unit in a column whose unit is described",
        handled="`depth: {column: Depth, unit: m}` makes 10 cm of 0.1",
        files=_depths("0.1"),
        description=describe(columns=_DEPTHS.replace("{column: Depth}", "{column: Depth, unit: m}")),
        check=lambda f: f["depth_from_cm"].tolist() == [10],
    ),
    Case(
        "a depth without a unit in the description",
        "has no unit",
        description=describe(columns=f"[{COLUMN}]".replace("10 cm", "10")),
    ),
    Case("a depth that is none", "is not a depth", files=_depths("topsoil"), description=describe(columns=_DEPTHS)),
    Case("an interval upside down", "runs upwards", files=_depths("30-0 cm"), description=describe(columns=_DEPTHS)),
    Case("a depth that no probe has", "is 5000 cm", files=_depths("50 m"), description=describe(columns=_DEPTHS)),
    Case(
        "a sensor that was put at another depth",
        handled=("two entries of the column with `until` and `from`; each reading gets the depth of its day"),
        files=_one(HEAD + "01/02/2021 00:00,21\n02/02/2021 00:00,22\n"),
        description=describe(
            columns=f"[{COLUMN[:-1]}, until: 2021-02-01}}, {COLUMN.replace('10 cm', '20 cm')[:-1]}, from: 2021-02-02}}]"
        ),
        check=lambda f: f.sort_values("time")["depth_from_cm"].tolist() == [10, 20],
    ),
    Case(
        "a column described twice for the same days",
        "described twice",
        description=describe(columns=f"[{COLUMN}, {COLUMN.replace('10 cm', '20 cm')}]"),
    ),
    # numbers
    Case("decimal commas in quotation marks", "set decimal", files=_one(_TEXT.replace("21.6", '"21,6"'))),
    Case(
        "decimal commas, described",
        handled='`decimal: ","` with `delimiter: ";"`',
        files=_one(_TEXT.replace(",", ";").replace("21.", "21,")),
        description=describe(more='delimiter: ";"\ndecimal: ","'),
        check=_values(21.5, 21.6, 21.7),
    ),
    Case(
        "decimal commas in a file with commas between columns",
        "too many cells",
        files=_one(_TEXT.replace("21.6", "21,6")),
    ),
    Case("a number with thousands separators", 'set thousands: ","', files=_one(_TEXT.replace("21.6", '"1,021.6"'))),
    Case(
        "a number with thousands separators, described",
        handled='`thousands: ","`',
        files=_one(_TEXT.replace("21.6", '"1,021.6"')),
        description=describe(more='thousands: ","'),
        check=_values(21.5, 1021.6, 21.7),
    ),
    Case("text in a number column", "'fault' is not a number", files=_one(_TEXT.replace("21.6", "fault"))),
    Case("-9999 that is not described as missing", "looks like a code", files=_one(_TEXT.replace("21.6", "-9999"))),
    Case(
        "-9999.00 described as missing",
        handled='`missing: ["-9999"]`: no reading',
        files=_one(_TEXT.replace("21.6", "-9999.00")),
        description=describe(more='missing: ["-9999"]'),
        check=_values(21.5, np.nan, 21.7),
    ),
    Case(
        "a column with nothing but missing values",
        handled="no readings; a warning",
        files=_one(HEAD + "01/02/2021 00:00,\n01/02/2021 00:30,NAN\n"),
        check=_values(np.nan, np.nan),
        says="has no value",
    ),
    # times
    Case(
        "a time that does not parse",
        "does not parse",
        files=_one(_TEXT.replace("01/02/2021 00:30", "2021-02-01 00:30")),
    ),
    Case(
        "24:00 as the end of a day", "does not parse", files=_one(_TEXT.replace("01/02/2021 00:30", "01/02/2021 24:00"))
    ),
    Case(
        "day and month swapped, a day after the 12th",
        "day and month look swapped",
        files=_one(HEAD + "02/01/2021 00:00,21\n02/13/2021 00:00,22\n"),
    ),
    Case(
        "day and month swapped, days to the 12th only",
        "day and month look swapped",
        files=_one(
            HEAD + "".join(f"02/{day:02d}/2021 {hour}:00,2{day % 10}\n" for day in range(1, 11) for hour in (10, 12))
        ),
    ),
    Case("no time in a row with a reading", "'' does not parse", files=_one(_TEXT.replace("01/02/2021 00:30", ""))),
    Case(
        "an hour that occurs twice when clocks go back",
        "occurs twice",
        files=_one(_BACK),
        description=describe(time=LOCAL),
    ),
    Case(
        "the same, told apart by the file's order",
        handled="`ambiguous: order`: the first pass is summer time, the second standard time",
        files=_one(_BACK),
        description=describe(time=LOCAL.replace("}", ", ambiguous: order}")),
        check=_hours("03 14:30", "03 15:00", "03 15:30", "03 16:00", "03 16:30"),
    ),
    Case(
        "an hour that is skipped when clocks go forward",
        "is skipped",
        files=_one(_FORWARD),
        description=describe(time=LOCAL),
    ),
    Case(
        "the same, on a clock that was put forward late",
        handled=(
            "`nonexistent: shift`: 02:30 is 03:30 summer time; here it then meets the reading of 03:30, "
            "so `duplicates` decides too"
        ),
        files=_one(_FORWARD),
        description=describe(time=LOCAL.replace("}", ", nonexistent: shift}"), more="duplicates: first"),
        check=_hours("02 15:30", "02 16:30"),
    ),
    Case(
        "a time in the future", "lies in the future", files=_one(_TEXT.replace("01/02/2021 00:30", "01/02/2121 00:30"))
    ),
    Case("a time before 1950", "lies before 1950", files=_one(_TEXT.replace("01/02/2021 00:30", "01/01/1904 00:00"))),
    Case(
        "no time zone in the description",
        "key 'zone' is missing",
        description=describe(time=TIME.replace(', zone: "+10:00"', "")),
    ),
    Case(
        "a time zone that does not exist",
        "is not a time zone",
        description=describe(time=LOCAL.replace("Hobart", "Hobert")),
    ),
    Case(
        "times out of order",
        handled="sorted",
        files=_one(HEAD + "".join(reversed(ROWS.splitlines(keepends=True)))),
        check=_values(21.5, 21.6, 21.7),
    ),
    Case(
        "a row that is there twice",
        handled="kept once; the log counts them",
        files=_one(_TWICE.format(21.6)),
        check=_values(21.5, 21.6),
    ),
    Case(
        "two files that overlap",
        handled="kept once; the log counts them",
        files={"K1_a.csv": _TEXT, "K1_b.csv": _TEXT + "01/02/2021 01:30,21.8\n"},
        check=_values(21.5, 21.6, 21.7, 21.8),
    ),
    Case(
        "a value and a missing one at the same time",
        handled="the value is kept",
        files=_one(_TWICE.format("NAN")),
        check=_values(21.5, 21.6),
    ),
    Case("two values at the same time", "one value a time", files=_one(_TWICE.format(30))),
    Case(
        "two values at the same time, described",
        handled="`duplicates: mean` (or first, last)",
        files=_one(_TWICE.format(22.6)),
        description=describe(more="duplicates: mean"),
        check=_values(21.5, 22.1),
    ),
    # stations
    Case("two stations with the same name in the table", "is in lines 2 and 3", stations=STATIONS + "K1,-35.2,147.3\n"),
    Case(
        "two probes whose files carry the same name",
        "two probes share a station's name",
        files={"K1_north.csv": _TEXT, "K1_south.csv": _TEXT.replace("21.", "31.")},
    ),
    Case("a station without a row in the table", "is not in stations.csv", files={"k1_2021.csv": _TEXT}),
    Case(
        "a row of the table without a file",
        handled="read without it; a warning",
        stations=_TWO,
        check=_values(21.5, 21.6, 21.7),
        says="no readings of station K2",
    ),
    Case("a station without coordinates", "latitude ''", stations="station,latitude,longitude\nK1,,147.2\n"),
    Case("a table without a needed column", "no column 'latitude'", stations="station,lat,longitude\nK1,-35.1,147.2\n"),
    Case("a file name that does not fit the pattern", "no station's name", files={"data.csv": _TEXT}),
    # files
    Case(
        "a file with column names and no readings",
        handled="no readings; a warning",
        files=_one(HEAD),
        check=lambda f: f.empty,
        says="column names and no readings",
    ),
    Case("an empty file", "the file is empty", files=_one("")),
    Case("no file in the folder", "no file fits", files={"K1.dat": _TEXT}),
    Case(
        "UTF-8 with a byte order mark, lines of a Windows or an old Macintosh program",
        handled="read",
        files={
            "K1_a.csv": b"\xef\xbb\xbf" + _TEXT.replace("\n", "\r\n").encode(),
            "K1_b.csv": _TEXT.replace("\n", "\r").encode(),
        },
        check=_values(21.5, 21.6, 21.7),
    ),
    Case(
        "Latin-1",
        handled="read",
        files=_one("Timestamp,SM 10cm (%),T (°C)\n01/02/2021 00:00,21.5,18\n".encode("latin-1")),
        description=describe(columns='[{column: "T (°C)", variable: air_temperature, unit: "°C"}]'),
        check=_values(18),
    ),
    Case(
        "bytes that are not UTF-8 in a file described as UTF-8",
        "not UTF-8",
        files=_one(_TEXT.replace("21.6", "21.6°").encode("latin-1")),
        description=describe(more="encoding: utf-8"),
    ),
    Case("UTF-16", "UTF-16", files=_one(_TEXT.encode("utf-16"))),
    Case("NUL bytes", "NUL bytes", files=_one(_TEXT.replace("21.6", "21\0\0\0"))),
    Case("a zip file with the ending .csv", "a zip archive", files=_one(_zip())),
    Case("a zip file in place of the folder", "this is a file", files={"K1.zip": _zip()}, path="probes/K1.zip"),
    Case("a file larger than memory", handled="read in pieces of 8 MiB; what exceeds 96 MiB waits in a temporary file"),
    Case("too few cells in a row", "too few cells", files=_one(_TEXT.replace(",21.6", ""))),
    Case("too many cells in a row", "too many cells", files=_one(_TEXT.replace("21.6", "21.6,ok"))),
    Case(
        "rows of empty cells, and lines of nothing",
        handled="left out",
        files=_one(_TEXT + ",\n\n  \n"),
        check=_values(21.5, 21.6, 21.7),
    ),
    Case("a quotation mark that is not closed", "quotation mark", files=_one(_TEXT.replace("21.5", '"21.5'))),
    Case("another delimiter than described", 'set delimiter: ";"', files=_one(_TEXT.replace(",", ";"))),
    Case(
        "a column that is not there",
        "did you mean 'SM 10cm (%)'",
        description=describe(columns=f"[{COLUMN}]".replace("SM 10cm (%)", "SM10cm (%)")),
    ),
    Case(
        "a column that only some files have",
        handled="`optional: true`",
        files={"K1_a.csv": _TEXT, "K1_b.csv": "Timestamp,SM 20\n01/02/2021 00:00,30\n"},
        description=describe(columns=f"[{COLUMN[:-1]}, optional: true}}, {_COLUMN_20[:-1]}, optional: true}}]"),
        check=_values(21.5, 21.6, 21.7, 30),
    ),
    Case(
        "two columns of one name",
        "is there 2 times",
        files=_one("Timestamp,SM 10cm (%),SM 10cm (%)\n01/02/2021 00:00,21.5,22\n"),
    ),
    # description
    Case(
        "a misspelt key in the description",
        "did you mean 'column'",
        description=describe(columns=f"[{COLUMN}]".replace("column:", "colum:")),
    ),
    Case(
        "a needed key that is not there",
        "key 'unit' is missing",
        description=describe(columns='[{column: "SM 10cm (%)", variable: soil_moisture, depth: 10 cm}]'),
    ),
    Case("a description that is no YAML", "not readable as YAML", description=describe(more="missing: [NA, {")),
    Case("a key twice in the description", "is there twice", description=describe(more="columns: []")),
]


def outcome(case: Case) -> tuple[str, str]:
    """What happens and the exact words, as the page has them."""
    with tempfile.TemporaryDirectory() as folder:
        _, text = run(case, Path(folder))
    return (f"handled: {case.handled}" if case.handled else "refused"), text


def page() -> str:
    """docs/reference/probe-errors.md."""
    lines = [
        "# What can be wrong with logger files, and what is done about it",
        "",
        "Each line is a test of the reader (`tests/unit/probes/test_logger_cases.py`). Nothing wrong is read",
        "silently: it is either handled as this page says, or refused with the file, the line (1 is the first of the",
        "file) and what to change. This page is written by `python tests/data/logger_cases.py`. How files are",
        "described: [use your own probes](../how-to/use-your-own-probes.md).",
        "",
        "| case | what happens | message, or warning in the log |",
        "|---|---|---|",
    ]
    for case in CASES:
        what, text = outcome(case)
        shown = text.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {case.name} | {what} | {f'`` {shown} ``' if shown else ''} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "workflow" / "lib"))
    PAGE.write_text(page(), encoding="utf-8")
