"""CdsSource with the real cdsapi against a Climate Data Store on this machine."""

import io
import itertools
import json
import socketserver
import tempfile
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.direct.cds import CdsSource
from loam.acquire.http.retry import Policy
from loam.errors import AcquireError, CredentialError

QUICK = Policy(attempts=3, first_wait_s=0.001, longest_wait_s=0.001, wall_clock_s=5, timeout_s=0.5)
BOUNDS = (146.23, -42.38, 146.52, -42.21)
LATITUDE = [-42.1, -42.2, -42.3, -42.4, -42.5]
LONGITUDE = [146.1, 146.2, 146.3, 146.4, 146.5, 146.6]
DAYS = [date(2020, 1, 30), date(2020, 1, 31)]
KEY = "a-key-that-nobody-may-see"


def dataset(name, times, values, *, units, expver="0001", expver_dim=False, longitude=LONGITUDE, latitude=LATITUDE):
    """A reply's netCDF as the store makes it: valid_time, and the coordinates number and expver."""
    cells = np.broadcast_to(
        np.asarray(values, np.float32).reshape(len(times), *(np.shape(values)[1:] or (1, 1))),
        (len(times), len(latitude), len(longitude)),
    ).copy()
    cells[:, 0, 0] = np.nan  # sea
    coordinates = {"valid_time": times, "latitude": latitude, "longitude": longitude, "number": 0}
    data = xr.Dataset({name: (("valid_time", "latitude", "longitude"), cells, {"units": units})}, coords=coordinates)
    if expver_dim:
        parts = [data.where(xr.DataArray(expver == label, dims="valid_time")) for label in ("0001", "0005")]
        parts = [part.assign({name: part[name].assign_attrs(units=units)}) for part in parts]
        both = xr.concat(parts, pd.Index(["0001", "0005"], name="expver"))
        return both.transpose("valid_time", "expver", "latitude", "longitude")
    return data.assign_coords(expver=("valid_time", np.broadcast_to(np.asarray(expver, dtype=object), len(times))))


def netcdf(data):
    with tempfile.TemporaryDirectory() as folder:
        data.to_netcdf(Path(folder) / "a.nc", engine="netcdf4")
        return (Path(folder) / "a.nc").read_bytes()


def zipped(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, member in enumerate(members):
            archive.writestr(f"data_{number}.nc", member)
    return buffer.getvalue()


def times_of(request):
    month = f"{request['year']}-{request['month']}"
    return [pd.Timestamp(f"{month}-{day} {time}") for day in request["day"] for time in request["time"]]


def temperature(request, **how):
    """2m temperature: 280 K at 00 UTC and 1 K more each hour."""
    times = times_of(request)
    return dataset("t2m", times, [280.0 + time.hour for time in times], units="K", **how)


def rain(request, **how):
    """Rain accumulated by 00 UTC of day d: d mm."""
    times = times_of(request)
    return dataset("tp", times, [time.day / 1000 for time in times], units="m", **how)


def fields_of(request, **how):
    return rain(request, **how) if "total_precipitation" in request["variable"] else temperature(request, **how)


class Store:
    """The queue of the store: what is submitted, and what each job gives."""

    def __init__(self, loopback):
        self.loopback, self.submitted, self.polls, self.failing = loopback, [], {}, {}
        self.until_ready = 0
        self.reply = lambda request: netcdf(fields_of(request))
        api = "/api/retrieve/v1"
        loopback.serve("/api/catalogue/*", {"messages": []}, ranges=False)
        loopback.serve(f"{api}/processes/*", lambda request: {"id": "reanalysis-era5-land", "links": []}, ranges=False)
        loopback.serve(f"{api}/processes/reanalysis-era5-land/execution", self._submit, method="POST", ranges=False)
        loopback.serve(f"{api}/jobs/*", self._job, ranges=False)

    def _submit(self, request):
        number = f"job{len(self.submitted)}"
        self.submitted.append(request.json()["inputs"])
        return 201, self._state(number, "accepted")

    def _state(self, number, status):
        base = f"{self.loopback.url}/api/retrieve/v1/jobs/{number}"
        links = {"monitor": base, "self": base, "results": f"{base}/results"}
        links = [{"rel": name, "href": address} for name, address in links.items()]
        return {"jobID": number, "processID": "reanalysis-era5-land", "status": status, "links": links}

    def _job(self, request):
        number, _, results = request.path.removeprefix("/api/retrieve/v1/jobs/").partition("/")
        if number in self.failing:
            if not results:
                return self._state(number, "failed")
            return 400, {"title": "The job has failed", "status": 400, "traceback": self.failing[number]}
        if not results:
            self.polls[number] = self.polls.get(number, 0) + 1
            return self._state(number, "running" if self.polls[number] <= self.until_ready else "successful")
        body = self.reply(self.submitted[int(number.removeprefix("job"))])
        url = self.loopback.serve(f"/object-store/{number}.nc", body)
        return {"asset": {"value": {"href": url, "file:size": len(body), "type": "application/netcdf"}}}


@pytest.fixture
def store(loopback, no_credentials, monkeypatch):
    monkeypatch.setattr(socketserver.StreamRequestHandler, "disable_nagle_algorithm", True)
    monkeypatch.setenv("CDSAPI_URL", f"{loopback.url}/api")
    monkeypatch.setenv("CDSAPI_KEY", KEY)
    return Store(loopback)


@pytest.fixture
def source(store, tmp_path):
    """Makes the source; its clock runs on with each sleep, and nobody sleeps."""

    def source(**more):
        now = itertools.count()
        how = {"policy": QUICK, "sleep": lambda seconds: None, "clock": lambda: float(next(now)), **more}
        return CdsSource(dataset_of("era5_land"), Access(), tmp_path / "parts", **how)

    return source


def test_days_are_made_of_hours_and_rain_of_the_hour_that_ends_the_day(store, source):
    fields = source().read_fields(BOUNDS, DAYS)
    cell = fields.data.isel(latitude=2, longitude=2)
    assert np.allclose(cell["tmin"], 280 - 273.15, atol=1e-4) and np.allclose(cell["tmax"], 303 - 273.15, atol=1e-4)
    assert np.allclose(cell["rain"], [31, 1])  # by 00 UTC of 31 January, and of 1 February
    assert list(fields.found) == [1, 1] and fields.provisional == frozenset()
    assert np.allclose(fields.data["latitude"], LATITUDE) and np.allclose(fields.data["longitude"], LONGITUDE)
    assert np.isnan(fields.data["rain"][:, 0, 0]).all() and fields.data.attrs["crs"] == "EPSG:4326"


def test_a_month_is_asked_for_by_the_hour_with_its_area_and_the_next_months_first_hour(store, source):
    source().read_fields(BOUNDS, DAYS)
    shared = {"area": [-42.1, 146.1, -42.5, 146.6], "data_format": "netcdf", "download_format": "unarchived"}
    hours = [f"{hour:02d}:00" for hour in range(24)]
    summed = {"variable": ["total_precipitation"], "time": ["00:00"]}
    assert store.submitted == [
        {"variable": ["2m_temperature"], "year": "2020", "month": "01", "day": ["30", "31"], "time": hours, **shared},
        {**summed, "year": "2020", "month": "01", "day": ["31"], **shared},
        {**summed, "year": "2020", "month": "02", "day": ["01"], **shared},
    ]


def test_a_december_ends_in_the_next_year(source):
    requests = source().requests(BOUNDS, [date(2020, 12, 31)])
    assert [(item["year"], item["month"], item["day"]) for item in requests] == [
        ("2020", "12", ["31"]), ("2021", "01", ["01"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "bounds", [(146.0, -42.0, 146.5, -41.5), (-3.26, 40.04, -3.04, 40.26), (0.01, 0.01, 0.02, 0.02)], ids=str
)
def test_the_cells_cover_the_region_with_one_to_spare(source, bounds):
    latitude, longitude = source().cells(bounds)
    for cells, low, high in ((longitude, bounds[0], bounds[2]), (latitude[::-1], bounds[1], bounds[3])):
        assert np.allclose(cells * 10, np.round(cells * 10)) and np.allclose(np.diff(cells), 0.1)
        for spare in (low - cells[0], cells[-1] - high):  # from the centre of the spare cell
            assert 0.05 - 1e-9 <= spare <= 0.15 + 1e-9


@pytest.mark.parametrize("split", ["variables", "versions", "hours"])
def test_a_zip_that_calls_itself_netcdf_is_unpacked_and_its_members_merged(store, source, split):
    def reply(request):
        if "total_precipitation" in request["variable"]:
            return zipped(netcdf(rain(request)))
        data = temperature(request)
        if split == "variables":
            other = data.rename(t2m="d2m")
            return zipped(netcdf(other), netcdf(data))
        if split == "versions":
            first, second = data.isel(valid_time=slice(0, 24)), data.isel(valid_time=slice(24, None))
            return zipped(netcdf(first), netcdf(second.assign_coords(expver="0005")))
        return zipped(netcdf(data.isel(valid_time=slice(30, None))), netcdf(data.isel(valid_time=slice(0, 30))))

    store.reply = reply
    fields = source().read_fields(BOUNDS, DAYS)
    assert list(fields.found) == [1, 1] and np.allclose(fields.data["tmax"][:, 1, 1], 29.85, atol=1e-3)
    assert fields.provisional == (frozenset(DAYS[1:]) if split == "versions" else frozenset())


@pytest.mark.parametrize("as_dimension", [False, True], ids=["along time", "a dimension"])
def test_days_of_the_preliminary_version_are_marked(store, source, as_dimension):
    def reply(request):
        later = [time >= pd.Timestamp("2020-01-31 01:00") for time in times_of(request)]
        return netcdf(fields_of(request, expver=np.where(later, "0005", "0001"), expver_dim=as_dimension))

    store.reply = reply
    fields = source().read_fields(BOUNDS, DAYS)
    assert fields.provisional == {DAYS[1]} and list(fields.found) == [1, 1]
    assert np.allclose(fields.data["rain"][:, 2, 2], [31, 1])


@pytest.fixture
def with_rain(store):
    """Makes the store's rain the same everywhere, m."""

    def with_rain(amount):
        def reply(request):
            if "2m_temperature" in request["variable"]:
                return netcdf(temperature(request))
            return netcdf(dataset("tp", times_of(request), np.full(len(times_of(request)), amount), units="m"))

        store.reply = reply

    return with_rain


def test_rain_a_little_below_zero_is_none(with_rain, source):
    with_rain(-3e-6)
    assert float(source().read_fields(BOUNDS, DAYS).data["rain"].min()) == 0


def test_rain_far_below_zero_is_refused(with_rain, source):
    with_rain(-0.02)
    with pytest.raises(AcquireError, match="rain is -20 at 2020-01-30, cell .146.2, -42.1."):
        source().read_fields(BOUNDS, DAYS)


def test_longitudes_may_count_from_zero_and_latitudes_may_grow(store, source):
    def reply(request):
        north, west, south, east = request["area"]
        latitude = np.arange(round(south * 10), round(north * 10) + 1) / 10
        longitude = np.arange(round(west * 10), round(east * 10) + 1) / 10 % 360
        return netcdf(fields_of(request, latitude=latitude, longitude=longitude))

    store.reply = reply
    fields = source().read_fields((-3.26, 40.04, -3.04, 40.26), DAYS)
    assert fields.data["longitude"].values[0] == pytest.approx(-3.4)
    assert np.isnan(fields.data["tmin"][:, -1, 0]).all() and np.isfinite(fields.data["tmin"][:, 0, 0]).all()


def test_the_part_of_a_month_that_is_not_published_yet_is_left_open(store, source):
    last = pd.Timestamp(DAYS[1]) + pd.Timedelta("10h")

    def reply(request):
        return netcdf(fields_of(request).sel(valid_time=slice(None, last)))

    store.reply = reply
    store.failing["job2"] = (
        "MultiAdaptorNoDataError: None of the data you have requested is available yet, please revise the period "
        "requested. The latest date available for this dataset is: 2020-01-31 10:00"
    )
    fields = source().read_fields(BOUNDS, DAYS)
    assert list(fields.found) == [1, 0] and fields.published_until == DAYS[0]
    assert np.isnan(fields.data["tmax"][1]).all()


def test_a_month_of_which_nothing_is_published_is_empty(store, source):
    told = "None of the data you have requested is available yet. The latest date available for this dataset is: "
    told += "2020-01-20 23:00"
    store.failing = {f"job{number}": told for number in range(3)}
    fields = source().read_fields(BOUNDS, DAYS)
    assert list(fields.found) == [0, 0] and fields.published_until == date(2020, 1, 19)


PASSING = {
    "429 then 200": {"status": 429, "headers": {"Retry-After": "0"}},
    "503": {"status": 503},
    "server gone": {"reset": 0},
    "stalled reply": {"stall": True},
}
PLACES = {
    "submission": "/api/retrieve/v1/processes/reanalysis-era5-land/execution",
    "state": "/api/retrieve/v1/jobs/job0",
    "result": "/api/retrieve/v1/jobs/job1/results",
    "file": "/object-store/job0.nc",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_changes_nothing(store, source, loopback, place, fault):
    loopback.fail(path=PLACES[place], **PASSING[fault])
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1]


def test_a_file_cut_short_is_fetched_on(store, source, loopback):
    loopback.fail(path="/object-store/job0.nc", truncate=500)
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1]


def wrong_of(name):
    def reply(request):
        data = temperature(request)
        make = {
            "wrong shape": lambda: netcdf(data.isel(latitude=slice(1, None))),
            "another place": lambda: netcdf(data.assign_coords(latitude=data["latitude"] + 1)),
            "all nodata": lambda: netcdf(data.assign(t2m=(data["t2m"] * np.nan).assign_attrs(units="K"))),
            "other units": lambda: netcdf(data.assign(t2m=data["t2m"].assign_attrs(units="degC"))),
            "another variable": lambda: netcdf(data.rename(t2m="sst")),
            "impossible values": lambda: netcdf(data.assign(t2m=(data["t2m"] * 2).assign_attrs(units="K"))),
            "not netCDF": lambda: b"GRIB" + bytes(500),
            "a broken ZIP": lambda: zipped(netcdf(data))[:-40],
            "a ZIP of something else": lambda: zipped(b"hello"),
        }  # fmt: skip
        return netcdf(rain(request)) if "total_precipitation" in request["variable"] else make[name]()

    return reply


WRONG = {
    "wrong shape": "has 4 cells in latitude.*expected 5",
    "another place": "cells in latitude, -41.5 to -41.1; expected 5, -42.5 to -42.1",
    "all nodata": "t2m is all missing",
    "other units": "units 'degC'.*expected K",
    "another variable": "has no variable t2m",
    "impossible values": "tmin is 286.*degC",
    "not netCDF": "GRIB message",
    "a broken ZIP": "is not a zip that can be read",
    "a ZIP of something else": "cannot be read",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reply_ends_in_one_line_and_is_asked_for_again(store, source, tmp_path, files_in, name):
    good, store.reply = store.reply, wrong_of(name)
    with pytest.raises(AcquireError, match=WRONG[name]) as error:
        source().read_fields(BOUNDS, DAYS)
    assert "\n" not in str(error.value) and not [file for file in files_in(tmp_path) if file.endswith(".nc")]
    store.reply = good
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1]


REFUSALS = {
    "wrong key": (
        {"status": 401, "body": {"title": "authentication failed", "status": 401}}, CredentialError, "401.*CDSAPI_KEY"
    ),
    "terms not accepted": (
        {"status": 403, "body": {"title": "required licences not accepted", "status": 403, "detail": "please visit"}},
        CredentialError, "licences not accepted.*accept the licence at https://cds.*manage-licences",
    ),
    "invalid": (
        {"status": 400, "body": {"title": "invalid request", "detail": "no such variable"}}, AcquireError,
        "no such variable",
    ),
    "HTML with status 200": ({"html": "Down for maintenance"}, AcquireError, "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_ends_in_one_line_without_the_key(store, source, loopback, name):
    fault, kind, message = REFUSALS[name]
    loopback.fail(path=PLACES["submission"], times=3, **fault)
    with pytest.raises(kind, match=message) as error:
        source().read_fields(BOUNDS, DAYS)
    assert "\n" not in str(error.value) and KEY not in str(error.value)


def test_a_page_in_the_place_of_the_file_is_told(store, source, loopback, tmp_path, files_in):
    loopback.fail(path=PLACES["file"], html="Sorry")
    with pytest.raises(AcquireError, match="HTML page titled .Sorry."):
        source().read_fields(BOUNDS, DAYS)
    assert not [file for file in files_in(tmp_path) if file.endswith(".nc")]


def test_a_job_that_failed_says_why_and_is_submitted_anew(store, source):
    store.failing["job0"] = "Traceback: the request is too large: cost limits exceeded"
    with pytest.raises(AcquireError, match="job0 failed.*cost limits exceeded") as error:
        source().read_fields(BOUNDS, DAYS)
    assert "\n" not in str(error.value)
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1]
    assert len(store.submitted) == 4  # job0 alone was submitted again


def test_a_queue_that_is_too_long_ends_and_a_later_run_takes_its_place_up(store, source):
    store.until_ready = 10**9
    with pytest.raises(AcquireError, match="request job0 is still queued after 0.01 h.*keeps its place"):
        source(queue_s=36).read_fields(BOUNDS, DAYS)
    store.until_ready = 0
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1]
    assert len(store.submitted) == 3


def test_a_run_that_was_killed_keeps_the_replies_that_came(store, source, loopback):
    loopback.fail(path="/object-store/job1.nc", status=404)
    with pytest.raises(AcquireError):
        source().read_fields(BOUNDS, DAYS)
    before = len(loopback.asked("/object-store/job0.nc"))
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1]
    assert len(loopback.asked("/object-store/job0.nc")) == before and len(store.submitted) == 4


def test_the_key_goes_to_the_store_alone(store, source, loopback):
    source().read_fields(BOUNDS, DAYS)
    assert all(KEY not in json.dumps(request.headers) for request in loopback.asked("/object-store/*"))
    assert loopback.asked(PLACES["submission"])[0].headers["private-token"] == KEY


def test_without_a_key_or_with_an_old_one_a_line_says_what_to_do(source, monkeypatch, loopback):
    monkeypatch.setenv("CDSAPI_KEY", "1234:abcd-old")
    with pytest.raises(CredentialError, match="old Climate Data Store.*copy the new key") as error:
        source().read_fields(BOUNDS, DAYS)
    assert "abcd-old" not in str(error.value)
    monkeypatch.delenv("CDSAPI_KEY")
    with pytest.raises(CredentialError, match="no Climate Data Store key"):
        source().read_fields(BOUNDS, DAYS)


def test_a_store_without_its_bulletin_serves_all_the_same(store, source, loopback):
    loopback.fail(path="/api/catalogue/v1/messages", status=500)
    loopback.fail(path="/api/catalogue/messages", status=500)
    assert list(source().read_fields(BOUNDS, DAYS).found) == [1, 1]


def test_clients_are_named(source):
    assert set(source().clients()) == {"cdsapi", "ecmwf-datastores-client", "requests"}
