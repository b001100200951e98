"""SiloSource against files of years on this machine."""

import dataclasses
import functools
import socketserver
import tempfile
from datetime import date, timedelta
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.direct.silo import SiloSource
from loam.acquire.http import remote_file
from loam.acquire.http.retry import Policy
from loam.errors import AcquireError

QUICK = Policy(attempts=3, first_wait_s=0.001, longest_wait_s=0.001, wall_clock_s=5, timeout_s=0.5)
BOUNDS = (146.21, -42.39, 146.52, -42.22)
NAMES = {"rain": "daily_rain", "tmin": "min_temp", "tmax": "max_temp"}
VARIABLES = tuple(NAMES.values())
UNITS = {"daily_rain": "mm", "min_temp": "Celsius", "max_temp": "Celsius"}
BASE = {"daily_rain": 0.0, "min_temp": 5.0, "max_temp": 15.0}
DAYS = [date(2020, 3, 1), date(2020, 3, 2)]


@functools.cache
def year_file(variable, year=2020, last=None, *, units=None, north=-10.0, falling=False, lowest=0.0, missing=False):
    """A year's file, packed as tenths: on 1 and 2 March in Tasmania the day's number / 10 above the variable's base."""
    count = ((last or date(year, 12, 31)) - date(year, 1, 1)).days + 1
    latitude, longitude = np.arange(-44, north + 0.025, 0.05), np.arange(112, 154.025, 0.05)
    rows, columns, lake = slice(25, 45), slice(675, 700), 32
    if falling:
        latitude, rows, lake = latitude[::-1], slice(len(latitude) - 45, len(latitude) - 25), len(latitude) - 1 - 32
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        with netCDF4.Dataset(path, "w") as file:
            for name, values in (("lat", latitude), ("lon", longitude)):
                file.createDimension(name, len(values))
                file.createVariable(name, "f8", (name,))[:] = values
            file.createDimension("time", count)
            time = file.createVariable("time", "i4", ("time",))
            time.units = f"days since {year}-01-01"
            time[:] = np.arange(count)
            item = file.createVariable(
                variable, "i2", ("time", "lat", "lon"), fill_value=-32767, chunksizes=(1, 60, 80), zlib=True
            )
            item.units = units or UNITS[variable]
            item.set_auto_maskandscale(False)
            item.scale_factor, item.add_offset = 0.1, 0.0
            first = date(year, 3, 1).timetuple().tm_yday - 1
            for day in range(first, min(first + 2, count)):
                item[day, rows, columns] = -32767 if missing else round(10 * (BASE[variable] + lowest)) + day + 1
                item[day, lake, 686] = -32767
        return path.read_bytes()


@pytest.fixture
def source(loopback, tmp_path, monkeypatch):
    """Makes the source whose files are on the loopback server."""
    monkeypatch.setattr(socketserver.StreamRequestHandler, "disable_nagle_algorithm", True)
    monkeypatch.setattr(remote_file, "BLOCK", 1 << 14)

    def source(as_of="2021-06-01", **keys):
        dataset = dataset_of("silo")
        url = f"{loopback.url}/annual/{{variable}}/{{year}}.{{variable}}.nc"
        back_ends = {"direct": {**dataset.back_ends["direct"], "url": url, **keys}}
        dataset = dataclasses.replace(dataset, back_ends=back_ends)
        return SiloSource(dataset, Access(asked_on=date.fromisoformat(as_of)), tmp_path / "parts", policy=QUICK)

    return source


@pytest.fixture
def files(loopback):
    """Puts the files of a year on the server, and gives the address of each."""

    def files(year=2020, ranges=True, variables=VARIABLES, **how):
        for variable in variables:
            loopback.serve(f"/annual/{variable}/{year}.{variable}.nc", year_file(variable, year, **how), ranges=ranges)

    return files


def test_days_are_read_out_of_the_year_with_their_scale(source, files):
    files()
    fields = source().read_fields(BOUNDS, DAYS)
    cell = fields.data.isel(latitude=1, longitude=1)
    assert np.allclose(cell["rain"], [6.1, 6.2]) and np.allclose(cell["tmin"], [11.1, 11.2])
    assert np.allclose(cell["tmax"], [21.1, 21.2], atol=1e-4)
    assert list(fields.found) == [1, 1] and fields.published_until is None and fields.data.attrs["crs"] == "EPSG:4326"
    assert np.isnan(fields.data["rain"].sel(latitude=-42.4, longitude=146.3, method="nearest")).all()  # the lake
    west, east = fields.data["longitude"].values[[0, -1]]
    south, north = np.sort(fields.data["latitude"].values)[[0, -1]]
    for spare in (BOUNDS[0] - west, BOUNDS[1] - south, east - BOUNDS[2], north - BOUNDS[3]):
        assert 0.025 - 1e-6 <= spare <= 0.075 + 1e-6


def test_a_file_from_north_to_south_gives_the_same_cells(source, files, loopback):
    files()
    one = source().read_fields(BOUNDS, DAYS).data
    files(falling=True)
    other = source().read_fields(BOUNDS, DAYS).data.sortby("latitude")
    assert np.allclose(one["rain"], other["rain"], equal_nan=True) and np.allclose(one["latitude"], other["latitude"])


def test_only_the_days_and_cells_wanted_are_fetched(source, files, loopback):
    files()
    source().read_fields(BOUNDS, DAYS)
    asked = loopback.asked("/annual/daily_rain/*")
    ranges = [item.headers["range"].removeprefix("bytes=").split("-") for item in asked]
    size = len(year_file("daily_rain"))
    assert sum(int(last) - int(first) + 1 for first, last in ranges) < max(0.7 * size, 10 * (1 << 14))


def test_recent_days_are_provisional(source, files):
    files()
    fields = source(as_of="2020-08-29").read_fields(BOUNDS, DAYS)  # 180 days after 2 March
    assert fields.provisional == frozenset()
    fields = source(as_of="2020-08-28").read_fields(BOUNDS, DAYS)
    assert fields.provisional == {DAYS[1]}


def test_the_current_year_holds_what_every_variable_has(source, files):
    files(last=date(2020, 3, 2), variables=("daily_rain", "max_temp"))
    files(last=date(2020, 3, 1), variables=("min_temp",))
    days = [*DAYS, date(2020, 3, 3)]
    fields = source(as_of="2020-03-03").read_fields(BOUNDS, days)
    assert list(fields.found) == [1, 0, 0] and fields.published_until == date(2020, 3, 1)
    assert fields.provisional == {DAYS[0]}


def test_a_year_without_a_file_yet_is_not_published(source):
    fields = source(as_of="2020-01-03").read_fields(BOUNDS, [date(2020, 1, 1), date(2020, 1, 2)])
    assert list(fields.found) == [0, 0] and fields.published_until == date(2019, 12, 31)
    assert fields.data["rain"].shape[1:] == (7, 9)


def test_an_old_year_without_a_file_is_an_error(source):
    with pytest.raises(AcquireError, match="daily_rain of 2020.*404"):
        source().read_fields(BOUNDS, DAYS)


PASSING = {
    "429 then 200": {"status": 429, "headers": {"Retry-After": "0"}},
    "503": {"status": 503},
    "truncated body": {"truncate": 100},
    "server gone half way": {"reset": 100},
    "stalled reply": {"stall": "body"},
}


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("ranges", [True, False], ids=["in place", "whole"])
def test_a_fault_that_passes_changes_nothing(source, files, loopback, fault, ranges):
    files(ranges=ranges)
    loopback.fail(path="/annual/min_temp/2020.min_temp.nc", **PASSING[fault])
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1]


def test_a_file_that_changes_while_it_is_read_is_told(source, files, loopback, monkeypatch):
    monkeypatch.setattr(remote_file, "BLOCK", 1 << 12)
    files()
    data, changed = year_file("daily_rain"), year_file("daily_rain", last=date(2020, 3, 2))
    replies = iter([data, data])
    loopback.serve("/annual/daily_rain/2020.daily_rain.nc", lambda request: next(replies, changed))
    with pytest.raises(AcquireError, match="the file changed while it was read"):
        source().read_fields(BOUNDS, DAYS)


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_64BIT_OFFSET"])
def test_a_server_without_ranges_or_classic_netcdf_gives_the_whole_file_once(
    source, loopback, kind, tmp_path, files_in
):
    keys = {"grid": {"latitude": [-44, -10, 35], "longitude": [112, 154, 43]}}
    for variable in NAMES.values():
        data = coarse_file(variable, kind)
        loopback.serve(f"/annual/{variable}/2020.{variable}.nc", data, ranges=kind != "NETCDF4")
    one = source(**keys)
    assert list(one.read_fields(BOUNDS, DAYS).found) == [1, 1]
    before = len([item for item in loopback.asked("/annual/*") if "range" not in item.headers])
    fields = one.read_fields(BOUNDS, [date(2020, 3, 3)])
    assert np.allclose(fields.data["rain"], 6.3) and before == 3
    assert len([item for item in loopback.asked("/annual/*") if "range" not in item.headers]) == before
    assert files_in(tmp_path) == sorted(f"parts/2020.{variable}.nc" for variable in VARIABLES)


@functools.cache
def coarse_file(variable, kind):
    """A year's file of whole degrees: small enough to be whole."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        with netCDF4.Dataset(path, "w", format=kind) as file:
            for name, values in (("lat", np.arange(-44, -9)), ("lon", np.arange(112, 155)), ("time", np.arange(366))):
                file.createDimension(name, len(values))
                file.createVariable(name, "f8", (name,))[:] = values
            file["time"].units = "days since 2020-01-01"
            item = file.createVariable(variable, "f4", ("time", "lat", "lon"))
            item.units = UNITS[variable]
            item[:] = (BASE[variable] + (np.arange(366) + 1) / 10)[:, None, None]
        return path.read_bytes()


WRONG = {
    "HTML with status 200": (lambda: b"<!DOCTYPE html><html><title>Moved</title></html>", "HTML page titled .Moved."),
    "another kind of file": (lambda: b"II*\x00" + bytes(100), "TIFF"),
    "cut short at the server": (
        lambda: year_file("daily_rain")[: len(year_file("daily_rain")) // 2],
        "cannot be read|cannot be opened",
    ),
    "wrong shape": (lambda: year_file("daily_rain", north=-20.0), "481 cells in latitude.*expected 681"),
    "other units": (lambda: year_file("daily_rain", units="m"), "units 'm'.*expected mm"),
    "all nodata": (lambda: year_file("daily_rain", missing=True), "daily_rain is all missing in the region"),
    "impossible values": (lambda: year_file("daily_rain", lowest=-100.0), "rain is -9.*expected 0 to 1900"),
    "another variable": (lambda: year_file("min_temp"), "has no daily_rain"),
    "another year": (lambda: year_file("daily_rain", 2019), "not those of 2020"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_ends_in_one_line_and_nothing_stays(source, files, loopback, tmp_path, files_in, name):
    content, message = WRONG[name]
    files()
    loopback.serve("/annual/daily_rain/2020.daily_rain.nc", content())
    with pytest.raises(AcquireError, match=message) as error:
        source().read_fields(BOUNDS, DAYS)
    assert "\n" not in str(error.value) and files_in(tmp_path) == []


def test_a_region_out_of_australia_is_told(source, files):
    files()
    with pytest.raises(AcquireError, match="does not reach the region: latitude 10 to 11.*expected -44 to -10"):
        source().read_fields((120.0, 10.0, 121.0, 11.0), DAYS)


def test_the_day_boundary_is_said_in_the_catalogue():
    assert dataset_of("silo").back_end("direct")["day_boundary"].startswith("09:00 local time")
    assert timedelta(days=dataset_of("silo").final_days) > timedelta(days=90)
