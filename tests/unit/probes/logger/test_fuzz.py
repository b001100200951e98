"""Whatever the files hold, the reader gives readings or raises an error of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logger_cases import COLUMN, HEAD, LOCAL, ROWS, STATIONS, TIME, Case, describe

from loam.errors import LoamError
from loam.probes.logger.reader import read_logger
from loam.probes.readings import READINGS

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
LONG = (
    '[{column: VWC, variable: soil_moisture, depth: {column: Depth, unit: cm}, sensor: {column: Sensor}, unit: "%", '
    "flag: Flag, where: {What: moisture}}]"
)
LONG_FILE = (
    "Site,Timestamp,Depth,Sensor,What,VWC,Flag\n"
    "K1,04/04/2021 02:30,10,a,moisture,21.5,ok\nK1,04/04/2021 02:30,0-30 cm,b,moisture,,\n"
    "K1,03/04/2021 02:30,10,a,rain,2,\n"
)
LONG_DESCRIPTION = describe(
    station="{from: column, column: Site}", time=LOCAL.replace("}", ", ambiguous: order, nonexistent: shift}"),
    columns=LONG, more="duplicates: mean\n",
)  # fmt: skip
PIECES = [
    b",",
    b";",
    b"\n",
    b"\r",
    b'"',
    b"\0",
    b"\xff",
    b"\xc3",
    b"-",
    b"1e999",
    b"nan",
    b"inf",
    b"today",
    b"9" * 30,
    b"0.1",
    b" ",
    b"\t",
    b"K2",
    b"04/04/2021 02:30",
    b"31/02/2021",
    b"\xef\xbb\xbf",
    b"PK\x03\x04",
    b"cm",
    b"{",
    b"[",
    b":",
    b"%",
    b"&a ",
    b"*a",
    b"- ",
    b"null",
    b"true",
    b"!!python/object:os.system",
    b"2021-13-45",
    b"(?P<station>",
    b"%z",
    b"//",
    b"#",
]


def exhaust(case: Case) -> pd.DataFrame | None:
    """All readings, checked against their schema, or None where the reader refuses."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            frames = list(read_logger(case.write(Path(folder))).readings)
        except LoamError:
            return None
    for frame in frames:
        assert frame["station"].nunique() == 1
        READINGS.validate(frame)
    return pd.concat(frames) if frames else None


@st.composite
def mutated(draw, original: str) -> bytes:
    """The text with a few places cut out, doubled, or replaced."""
    text = original.encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20])))
        new = draw(st.sampled_from(PIECES) | st.binary(max_size=3) | st.just(text[start:stop] * 2))
        text = text[:start] + new + text[stop:]
    return text


@QUICK
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda rest: HEAD.encode() + rest))
def test_any_bytes_for_a_file(content):
    exhaust(Case("fuzz", files={"K1_a.csv": content}))


@QUICK
@given(mutated(HEAD + ROWS), st.sampled_from([TIME, LOCAL]))
def test_a_mutated_wide_file(content, time):
    exhaust(Case("fuzz", files={"K1_a.csv": content, "K1_b.csv": HEAD + ROWS}, description=describe(time=time)))


@QUICK
@given(mutated(LONG_FILE))
def test_a_mutated_long_file(content):
    exhaust(Case("fuzz", files={"a.csv": content}, description=LONG_DESCRIPTION))


@QUICK
@given(mutated(LONG_DESCRIPTION))
def test_a_mutated_description(content):
    exhaust(Case("fuzz", files={"a.csv": LONG_FILE}, description=content))


@QUICK
@given(mutated(describe(columns=f"[{COLUMN[:-1]}, from: 2021-01-01, until: 2021-02-01, optional: true}}]")))
def test_a_mutated_wide_description(content):
    exhaust(Case("fuzz", description=content))


@QUICK
@given(mutated(STATIONS + "K2,-36,147\n"))
def test_a_mutated_station_table(content):
    exhaust(Case("fuzz", stations=content))


@pytest.mark.parametrize(
    ("file", "description"), [(HEAD + ROWS, describe()), (LONG_FILE, LONG_DESCRIPTION)], ids=["wide", "long"]
)
def test_the_files_that_are_mutated_are_read(file, description):
    readings = exhaust(Case("valid", files={"K1_a.csv": file}, description=description))
    assert readings["value"].notna().any()
