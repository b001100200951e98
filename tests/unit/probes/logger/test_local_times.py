"""Clock times to UTC."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.errors import ConfigError, TableError
from loam.probes.logger.local_times import Clock, check_format, local_midnight, parse_zone, to_utc

FORMAT = "%Y-%m-%d %H:%M"
HOBART = parse_zone("Australia/Hobart", where="zone")


def utc(times: list[str], clock: Clock, state: dict | None = None) -> list[str]:
    lines = np.arange(2, 2 + len(times))
    texts = pd.Series(times, dtype="str")
    found = to_utc(texts, lines, clock, path="f.csv", key=lambda row: (), state={} if state is None else state)
    return [str(time)[5:16] for time in found]


@pytest.mark.parametrize(
    ("zone", "hour"), [("+10:00", "02"), ("-0330", "15"), ("UTC", "12"), ("UTC+2", "10"), ("Z", "12")]
)
def test_an_offset_is_taken_off(zone, hour):
    assert utc(["2021-06-01 12:00"], Clock(FORMAT, parse_zone(zone, where="zone")))[0][6:8] == hour


@pytest.mark.parametrize("zone", ["", "+25:00", "Mars/Olympus", "../etc", "Australia", "600"])
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(ConfigError, match="is not a time zone"):
        parse_zone(zone, where="zone")


@pytest.mark.parametrize(("zone", "offset"), [("EST", "+10:00 in Australia"), ("AEST", "+10:00"), ("mst", "-07:00")])
def test_an_abbreviation_is_refused_with_the_offset_to_write(zone, offset):
    with pytest.raises(ConfigError, match="abbreviation of a time zone") as error:
        parse_zone(zone, where="zone")
    assert offset in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"), [("%d/%m/%Y %I:%M", "%I without %p"), ("%d/%m/%Y %H:%M %p", "%p without %I")]
)
def test_half_a_clock_of_twelve_hours_is_refused(text, says):
    with pytest.raises(ConfigError, match=says):
        check_format(text, where="format")
    check_format("%d/%m/%Y %I:%M %p", where="format")


def test_the_doubled_hour_is_the_earlier_or_the_later_instant():
    doubled = ["2021-04-04 02:30"]
    assert utc(doubled, Clock(FORMAT, HOBART, ambiguous="earlier")) == ["04-03T15:30"]
    assert utc(doubled, Clock(FORMAT, HOBART, ambiguous="later")) == ["04-03T16:30"]


def test_the_order_of_the_doubled_hour_is_remembered_from_piece_to_piece():
    clock, state = Clock(FORMAT, HOBART, ambiguous="order"), {}
    assert utc(["2021-04-04 02:00", "2021-04-04 02:30"], clock, state) == ["04-03T15:00", "04-03T15:30"]
    assert utc(["2021-04-04 02:00", "2021-04-04 02:30"], clock, state) == ["04-03T16:00", "04-03T16:30"]
    assert utc(["2022-04-03 02:00"], clock, state) == ["04-02T15:00"]  # the next year begins anew


def test_a_clock_put_forward_late_goes_on_in_winter_time():
    clock = Clock(FORMAT, parse_zone("Australia/Lord_Howe", where="zone"), nonexistent="shift")  # by half an hour
    assert utc(["2021-10-03 01:59", "2021-10-03 02:10", "2021-10-03 02:30"], clock) == [
        "10-02T15:29", "10-02T15:40", "10-02T15:30",
    ]  # fmt: skip


def test_a_time_with_its_own_offset_needs_no_zone():
    clock = Clock("%Y-%m-%dT%H:%M%z", None)
    assert utc(["2021-06-01T12:00+1000", "2021-06-01T12:00Z"], clock) == ["06-01T02:00", "06-01T12:00"]


@pytest.mark.parametrize(
    "text", ["now", "today", "NaT", "2021-02-30 00:00", "", "9999-01-01 00:00", "0001-01-01 00:00"]
)
def test_what_is_no_time_is_refused_with_its_line(text):
    with pytest.raises(TableError, match=r"f.csv, line 3: time"):
        utc(["2021-02-01 00:00", text], Clock(FORMAT, HOBART))


def test_readings_by_hand_on_the_first_of_each_month_are_not_taken_for_swapped():
    times = [f"01/{month:02d}/2021 09:00" for month in range(1, 7)]
    assert len(utc(times, Clock("%d/%m/%Y %H:%M", HOBART))) == 6


@pytest.mark.parametrize("text", ["%H:%M", "%d/%m %H:%M", "%d/%m/%Y %d", "%Y-%m-%d %Q", "%", ""])
def test_a_format_must_give_a_date(text):
    with pytest.raises(ConfigError):
        check_format(text, where="format")


def test_a_day_begins_at_local_midnight():
    clock = Clock(FORMAT, HOBART)
    assert local_midnight(pd.Timestamp("2021-01-15"), clock) == np.datetime64("2021-01-14T13:00")
    assert local_midnight(pd.Timestamp("2021-07-15"), clock) == np.datetime64("2021-07-14T14:00")
