"""NetcdfDaySource against daily files on this machine."""

import dataclasses
import functools
import tempfile
from datetime import date
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.direct.netcdf_days import NetcdfDaySource
from loam.acquire.http.retry import Policy
from loam.errors import AcquireError

QUICK = Policy(attempts=3, first_wait_s=0.001, longest_wait_s=0.001, wall_clock_s=5, timeout_s=0.5)
BOUNDS = (146.2, -42.6, 147.1, -42.1)
DAYS = [date(2020, 1, 1), date(2020, 1, 2), date(2020, 1, 3)]


@functools.cache
def day_file(day, moisture=0.25, flag=0, *, size=720, units="m3 m-3", growing=False, kind="NETCDF4_CLASSIC"):
    """A day of ESA CCI soil moisture: ``moisture`` with a flag that is 0 but in the west, from north to south."""
    latitude = np.linspace(89.875, -89.875, size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        with netCDF4.Dataset(path, "w", format=kind) as file:
            for name, values in (
                ("lat", latitude[::-1] if growing else latitude), ("lon", np.linspace(-179.875, 179.875, 1440)),
            ):  # fmt: skip
                file.createDimension(name, len(values))
                file.createVariable(name, "f8", (name,))[:] = values
            file.createDimension("time", 1)
            time = file.createVariable("time", "f8", ("time",))
            time.units = "days since 1970-01-01 00:00:00 UTC"
            time[:] = (day - date(1970, 1, 1)).days
            shape = (1, size, 1440)
            cells = np.full(shape, moisture, np.float32)
            south = slice(0, size // 2) if growing else slice(size // 2, size)
            cells[:, south, :] += np.float32(0.01) if moisture > 0 else 0
            flags = np.full(shape, flag, np.int8)
            flags[:, :, : 4 * (180 + 146) + 2] = 1  # snow, west of 146.5
            for name, values, fill in (("sm", cells, -9999.0), ("flag", flags, 127)):
                item = file.createVariable(name, values.dtype, ("time", "lat", "lon"), fill_value=fill, zlib=True)
                item.units = units if name == "sm" else "1"
                item[:] = values
        return path.read_bytes()


def name_of(day):
    return f"/esacci/{day:%Y}/SSMV-COMBINED-{day:%Y%m%d}000000.nc"


@pytest.fixture
def source(loopback, tmp_path):
    """Makes the source whose files are on the loopback server."""
    dataset = dataset_of("esa_cci")
    url = f"{loopback.url}/esacci/{{day:%Y}}/SSMV-COMBINED-{{day:%Y%m%d}}000000.nc"
    back_ends = {"direct": {**dataset.back_ends["direct"], "url": url}}
    dataset = dataclasses.replace(dataset, back_ends=back_ends)
    return lambda: NetcdfDaySource(dataset, Access(), tmp_path / "parts", policy=QUICK)


@pytest.fixture
def files(loopback):
    """Puts files of days on the server."""

    def files(*days, **how):
        for day in days:
            loopback.serve(name_of(day), day_file(day, **how))

    return files


def test_a_day_is_what_its_flag_lets_through(source, files):
    files(*DAYS)
    fields = source().read_fields(BOUNDS, DAYS)
    moisture = fields.data["sm_surface"]
    assert np.isnan(moisture.sel(longitude=slice(None, 146.4))).all()
    assert np.allclose(moisture.sel(longitude=slice(146.6, None)), 0.26)
    assert list(fields.found) == [1, 1, 1] and fields.data.attrs["crs"] == "EPSG:4326"
    west, east = fields.data["longitude"].values[[0, -1]]
    north, south = fields.data["latitude"].values[[0, -1]]  # from north to south
    for spare in (BOUNDS[0] - west, BOUNDS[1] - south, east - BOUNDS[2], north - BOUNDS[3]):
        assert 0.125 <= spare <= 0.375


def test_a_file_from_south_to_north_gives_the_same_cells(source, files):
    files(DAYS[0])
    files(DAYS[1], growing=True)
    fields = source().read_fields(BOUNDS, DAYS[:2]).data["sm_surface"]
    assert np.array_equal(fields[0], fields[1], equal_nan=True)


def test_fill_values_are_missing(source, files):
    files(DAYS[0], moisture=-9999.0)
    fields = source().read_fields(BOUNDS, DAYS[:1])
    assert np.isnan(fields.data["sm_surface"]).all() and fields.found[0] == 1  # the flag may take all of a region


def test_a_day_without_a_file_has_no_field(source, files):
    files(DAYS[0], DAYS[2])
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 0, 1]


def test_days_after_the_record_are_not_asked_for(source, loopback):
    fields = source().read_fields(BOUNDS, [date(2024, 1, 1)])
    assert list(fields.found) == [0] and fields.published_until == date(2023, 12, 31)
    assert not loopback.requests


PASSING = {
    "429 then 200": {"status": 429, "headers": {"Retry-After": "0"}},
    "503": {"status": 503},
    "truncated body": {"truncate": 5000},
    "server gone half way": {"reset": 5000},
    "stalled reply": {"stall": "body"},
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_changes_nothing(source, files, loopback, fault):
    files(*DAYS)
    loopback.fail(path=name_of(DAYS[1]), **PASSING[fault])
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1, 1]


WRONG = {
    "HTML with status 200": (lambda: b"<html><head><title>CEDA</title></head></html>", "HTML page titled .CEDA."),
    "cut short at the server": (lambda: day_file(DAYS[1])[:5000], "cannot be opened|cannot be read"),
    "wrong shape": (lambda: day_file(DAYS[1], size=360), "has 360 cells in latitude.*expected 720"),
    "another day": (lambda: day_file(DAYS[2]), "holds 2020-01-03; expected 2020-01-02"),
    "other units": (lambda: day_file(DAYS[1], units="percent"), "units 'percent'.*expected m3 m-3"),
    "impossible values": (lambda: day_file(DAYS[1], moisture=25.0), "sm_surface is 25.*expected 0 to 0.95"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_ends_in_one_line_and_leaves_what_came_before(source, files, loopback, tmp_path, files_in, name):
    content, message = WRONG[name]
    files(*DAYS)
    loopback.serve(name_of(DAYS[1]), content())
    with pytest.raises(AcquireError, match=message) as error:
        source().read_fields(BOUNDS, DAYS)
    assert "\n" not in str(error.value) and "2020-01-02" in str(error.value)
    kept = files_in(tmp_path)
    assert len(kept) == 1 and "20200101" in kept[0] and kept[0].endswith(".npz")


def test_a_run_that_was_killed_goes_on_with_the_days_that_lack(source, files, loopback):
    files(*DAYS)
    loopback.fail(path=name_of(DAYS[2]), status=403)
    with pytest.raises(AcquireError):
        source().read_fields(BOUNDS, DAYS)
    before = len(loopback.requests)
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1, 1]
    assert [request.path for request in loopback.requests[before:]] == [name_of(DAYS[2])]


def test_classic_netcdf_is_read_too(source, files):
    files(DAYS[0], kind="NETCDF3_CLASSIC")
    assert list(source().read_fields(BOUNDS, DAYS[:1]).found) == [1]


def test_the_address_of_a_day():
    url = dataset_of("esa_cci").back_end("direct")["url"].format(day=date(2020, 1, 2))
    assert url.startswith("https://")
    assert url.endswith("/v09.1/2020/ESACCI-SOILMOISTURE-L3S-SSMV-COMBINED-20200102000000-fv09.1.nc")
