"""Bounds say which day a field is of; without them its time does; a day has one field."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from loam.config.day_boundary import shift_of
from loam.errors import RasterError
from loam.raster.day_axis import days_of_steps, refuse_several

DAYS = pd.date_range("2021-03-08", periods=4, freq="D")
DATES = [date(2021, 3, day) for day in (8, 9, 10, 11)]
DAY = pd.Timedelta(days=1)


def axis(path: Path, times, first=None, last=None, calendar="standard") -> xr.Dataset:
    """A file with a time axis, as it comes back from the disk."""
    data = xr.Dataset({"rain": ("time", np.arange(len(times), dtype=float))}, coords={"time": times})
    data["time"].encoding = {"units": "hours since 2021-01-01", "calendar": calendar, "dtype": "float64"}
    if first is not None:
        data["time"].attrs["bounds"] = "time_bnds"
        data["time_bnds"] = ("time", "nv"), np.stack([first, last], 1)
    data.to_netcdf(path)
    return xr.open_dataset(path, decode_timedelta=False)


@pytest.mark.parametrize("stamp", [0, 0.5, 1])
def test_a_field_is_of_the_day_that_its_bounds_hold_wherever_it_is_stamped(tmp_path, stamp):
    data = axis(tmp_path / "a.nc", DAYS + stamp * DAY, DAYS, DAYS + DAY)
    assert days_of_steps(data, "time", tmp_path, daily=True) == DATES


def test_rain_read_at_nine_is_of_the_day_of_the_reading(tmp_path):
    nine = DAYS + pd.Timedelta(hours=9)
    for stamp in (nine, nine - DAY):
        data = axis(tmp_path / f"{stamp[0]:%d}.nc", stamp, nine - DAY, nine)
        assert days_of_steps(data, "time", tmp_path, daily=True) == DATES


@pytest.mark.parametrize(
    ("boundary", "first_hour", "first_day"),
    [
        ("00:00+10:00", -10, 8),  # its own days
        ("00:00-06:00", 6, 8),
        ("09:00+10:00", -1, 8),
        ("00:00+10:00", 0, 9),  # days of UTC end within the day after
        ("00:00-06:00", 0, 8),
    ],
)
def test_a_field_is_of_the_runs_day_in_which_it_ends(tmp_path, boundary, first_hour, first_day):
    first = DAYS + pd.Timedelta(hours=first_hour)
    data = axis(tmp_path / "a.nc", first, first, first + DAY)
    days = days_of_steps(data, "time", tmp_path, daily=True, shift=shift_of(boundary))
    assert days == [date(2021, 3, first_day + step) for step in range(4)]


def test_a_time_without_bounds_is_the_name_of_a_day_wherever_days_begin(tmp_path):
    data = axis(tmp_path / "a.nc", DAYS)
    assert days_of_steps(data, "time", tmp_path, daily=True, shift=shift_of("00:00+10:00")) == DATES


def test_without_bounds_a_field_is_of_the_day_of_its_time(tmp_path):
    assert days_of_steps(axis(tmp_path / "a.nc", DAYS + 0.99 * DAY), "time", tmp_path, daily=True) == DATES


def test_bounds_that_are_named_and_lacking_are_said(tmp_path, caplog):
    data = axis(tmp_path / "a.nc", DAYS, DAYS, DAYS + DAY).drop_vars("time_bnds")
    assert days_of_steps(data, "time", tmp_path, daily=True) == DATES
    assert "names bounds 'time_bnds', which it lacks" in caplog.text


def test_a_time_outside_its_bounds_is_refused_with_both(tmp_path):
    data = axis(tmp_path / "a.nc", DAYS + 2 * DAY, DAYS, DAYS + DAY)
    with pytest.raises(RasterError, match="says 2021-03-10 .* and its bounds 2021-03-08 .* to 2021-03-09"):
        days_of_steps(data, "time", tmp_path, daily=True)


def test_a_field_of_a_month_is_no_day(tmp_path):
    data = axis(tmp_path / "a.nc", DAYS[:1], DAYS[:1], DAYS[:1] + 31 * DAY)
    with pytest.raises(
        RasterError, match="from 2021-03-08 .* to 2021-04-08 .* by its bounds; expected fields of a day"
    ):
        days_of_steps(data, "time", tmp_path, daily=True)
    assert days_of_steps(data, "time", tmp_path, daily=False) == DATES[:1]  # a composite has the day of its time


def test_bounds_of_another_shape_are_refused(tmp_path):
    data = axis(tmp_path / "a.nc", DAYS, DAYS, DAYS + DAY)
    data["time_bnds"] = data["time_bnds"].isel(nv=0, drop=True)
    with pytest.raises(RasterError, match="expected two times for each of its 4 steps"):
        days_of_steps(data, "time", tmp_path, daily=True)


def test_a_day_with_several_fields_is_refused_and_says_how_to_make_one():
    refuse_several(DATES, "tmax", Path("a.nc"))
    with pytest.raises(RasterError, match="several fields of tmax on 2021-03-10.*least and greatest temperature"):
        refuse_several([*DATES, DATES[2]], "tmax", Path("a.nc"))
