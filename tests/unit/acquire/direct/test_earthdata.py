"""EarthdataSource with the real earthaccess against a catalogue and an archive on this machine."""

import dataclasses
import datetime as dt
import functools
import hashlib
import io
import ipaddress
import socketserver
import ssl
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import h5py
import numpy as np
import pytest

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.direct import earthdata
from loam.acquire.direct.earthdata import EarthdataSource
from loam.acquire.direct.region_cells import EASE_CELL, EASE_CORNER, EASE_SHAPE, ease_window
from loam.acquire.http import remote_file
from loam.acquire.http.retry import Policy
from loam.errors import AcquireError, CredentialError

QUICK = Policy(attempts=3, first_wait_s=0.001, longest_wait_s=0.001, wall_clock_s=5, timeout_s=0.5)
BOUNDS = (146.2, -42.4, 146.9, -41.9)  # Tasmania's Central Plateau
TOKEN = "a-token-that-nobody-may-see"
WINDOW = ease_window(BOUNDS, "test")


def hdf5(contents, compression=None):
    """An HDF5 file's bytes: path -> (array or (shape, {block: values}), attributes)."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, (values, notes) in contents.items():
            if isinstance(values, np.ndarray):
                item = file.create_dataset(path, data=values, compression=compression)
            else:
                shape, fill, block = values
                item = file.create_dataset(
                    path, shape, np.asarray(block).dtype, chunks=(203, 482), compression=1, fillvalue=fill
                )
                item[WINDOW.rows, WINDOW.columns] = block
            item.attrs.update(notes)
    return buffer.getvalue()


@functools.cache
def smap_everywhere(value):
    return smap(np.float32(value))


def smap(value, rootzone=0.3, shape=EASE_SHAPE, units="m3 m-3"):
    """A granule of SMAP L4: ``value`` in the region (a number or its cells), fill elsewhere."""
    notes = {"_FillValue": np.float32(-9999), "units": units}
    return hdf5({
        f"Geophysical_Data/{name}": ((shape, -9999.0, np.full(WINDOW.shape, number, np.float32)), notes)
        for name, number in (("sm_surface", value), ("sm_rootzone", rootzone))
    })  # fmt: skip


def smap_name(day, number, production="001"):
    return f"SMAP_L4_SM_gph_{day:%Y%m%d}T{number * 3 + 1:02d}3000_Vv8010_{production}.h5"


class Archive:
    """A catalogue and the files that it lists, on the loopback server."""

    def __init__(self, loopback):
        self.loopback, self.items, self.described = loopback, {}, True
        loopback.serve("/search/granules.umm_json", self._list, ranges=False)

    def add(self, name, data, begins, version="008", **entry):
        self.loopback.serve(f"/archive/{name}", data)
        information = {"Name": name, "SizeInBytes": len(data), **entry} if self.described else {"Name": name}
        self.items[name] = (begins, version, {
            "meta": {"concept-id": f"G{len(self.items)}-NSIDC", "native-id": name, "provider-id": "NSIDC_CPRD"},
            "umm": {
                "GranuleUR": name,
                "RelatedUrls": [
                    {"URL": f"s3://bucket/{name}", "Type": "GET DATA VIA DIRECT ACCESS"},
                    {"URL": f"{self.loopback.url}/archive/{name}", "Type": "GET DATA"},
                    {"URL": f"{self.loopback.url}/archive/{name}.xml", "Type": "EXTENDED METADATA"},
                ],
                "DataGranule": {"ArchiveAndDistributionInformation": [information]},
            },
        })  # fmt: skip

    def add_day(self, day, values, **how):
        for number, value in enumerate(values):
            if value is not None:
                self.add(
                    smap_name(day, number), smap_everywhere(value) if np.isscalar(value) else smap(value), day, **how
                )

    def _list(self, request):
        items = [item for item in self.items.values() if item[1] in request.query["version"]]
        if "temporal[]" in request.query:
            first, last = (text[:10] for text in request.query["temporal[]"][0].split(","))
            items = [item for item in items if first <= item[0].isoformat() <= last]
        newest_first = request.query.get("sort_key") == ["-start_date"]
        items.sort(key=lambda item: item[2]["umm"]["GranuleUR"], reverse=newest_first)
        size = int(request.query["page_size"][0])
        return 200, {"items": [item[2] for item in items[:size]]}, {"CMR-Hits": str(len(items))}

    def fetched(self):
        """The names of the granules that were asked for, in order."""
        return [request.path.rsplit("/", 1)[1] for request in self.loopback.asked("/archive/*")]


@pytest.fixture
def archive(loopback, no_credentials, monkeypatch):
    monkeypatch.setattr(socketserver.StreamRequestHandler, "disable_nagle_algorithm", True)
    monkeypatch.setenv("EARTHDATA_TOKEN", TOKEN)
    return Archive(loopback)


@pytest.fixture
def source(archive, loopback, tmp_path):
    """Makes the source of a dataset whose catalogue, archive and login are the loopback server."""

    def source(name="smap_l4", login="127.0.0.1:1", **keys):
        from earthaccess.system import System

        dataset = dataset_of(name)
        dataset = dataclasses.replace(dataset, back_ends={"direct": {**dataset.back_ends["direct"], **keys}})
        system = System(f"{loopback.url}/search/", loopback.url, loopback.url, login)
        return EarthdataSource(
            dataset, Access(), tmp_path / "parts", policy=QUICK, system=system, trusted=("127.0.0.1",)
        )

    return source


@pytest.fixture
def in_place(monkeypatch):
    """Granules are read in place however small they are."""
    monkeypatch.setattr(earthdata, "SMALL", 0)
    monkeypatch.setattr(remote_file, "BLOCK", 4096)


DAY = date(2020, 1, 1)


def test_a_day_is_the_mean_of_its_eight_fields_on_the_ease_cells_of_the_region(archive, source):
    cells = np.random.default_rng(1).uniform(0.1, 0.4, (8, *WINDOW.shape)).astype(np.float32)
    cells[:, 0, 0] = -9999
    cells[3, 1, 1] = -9999
    archive.add_day(DAY, cells)
    fields = source().read_fields(BOUNDS, [DAY])
    expected = np.where(cells == -9999, np.nan, cells)
    expected[:, 0, 0] = 0  # keeps nanmean from warning
    expected = np.nanmean(expected, axis=0)
    expected[0, 0] = np.nan
    assert np.allclose(fields.data["sm_surface"][0], expected, equal_nan=True, atol=1e-6)
    assert np.allclose(fields.data["sm_rootzone"], 0.3)
    assert list(fields.found) == [8] and fields.data["n_fields"].item() == 8
    assert fields.data.attrs["crs"] == "EPSG:6933" and fields.provisional == frozenset()
    rows = (EASE_CORNER[1] - fields.data["y"].to_numpy()) / EASE_CELL - 0.5
    assert np.allclose(rows, np.arange(WINDOW.rows.start, WINDOW.rows.stop))


def test_the_cells_cover_the_region_with_one_to_spare():
    from loam.raster.grid import project

    x, y = project(np.array(BOUNDS[0::2]), np.array(BOUNDS[1::2]), "EPSG:4326", "EPSG:6933")
    for inner, outer in ((x, WINDOW.x), (y, WINDOW.y[::-1])):
        spare = (inner[0] - (outer[0] - EASE_CELL / 2), outer[-1] + EASE_CELL / 2 - inner[1])
        assert all(EASE_CELL <= side < 2 * EASE_CELL for side in spare)


def test_the_catalogue_is_asked_for_short_name_version_and_days_with_the_token(archive, source, loopback):
    archive.add_day(DAY, [0.2] * 8)
    source().read_fields(BOUNDS, [DAY])
    request = loopback.asked("/search/*")[0]
    assert request.query["short_name"] == ["SPL4SMGP"] and request.query["version"] == ["008"]
    assert request.query["temporal[]"] == ["2020-01-01T00:00:00Z,2020-01-01T23:59:59Z"]
    assert {item.headers["authorization"] for item in loopback.asked("/archive/*")} == {f"Bearer {TOKEN}"}


def test_fields_of_other_days_and_older_productions_are_left_out(archive, source):
    archive.add_day(DAY, [0.2] * 8)
    archive.add(smap_name(DAY, 0, "002"), smap(0.36), DAY)  # reprocessed
    archive.add(smap_name(date(2019, 12, 31), 7), smap(0.9), DAY)  # the catalogue counts what touches the day
    fields = source().read_fields(BOUNDS, [DAY])
    assert np.allclose(fields.data["sm_surface"], 0.22) and fields.found[0] == 8


def test_only_what_holds_the_region_is_fetched(archive, source, loopback, in_place):
    archive.described = False
    quarter = (EASE_SHAPE, -9999.0, np.full(WINDOW.shape, 0.25, np.float32))
    noise = np.random.default_rng(2).random((1624, 400), dtype=np.float32)
    data = hdf5({
        **{f"Geophysical_Data/other_{k}": (noise, {}) for k in range(2)},
        **{f"Geophysical_Data/{name}": (quarter, {"units": "m3 m-3"}) for name in ("sm_surface", "sm_rootzone")},
    })  # fmt: skip
    archive.add(smap_name(DAY, 0), data, DAY)
    fields = source().read_fields(BOUNDS, [DAY])
    assert np.allclose(fields.data["sm_surface"], 0.25) and fields.found[0] == 1
    asked = [item.headers["range"] for item in loopback.asked("/archive/*")]
    count = sum(1 + int(text.split("-")[1]) - int(text.removeprefix("bytes=").split("-")[0]) for text in asked)
    assert count < 0.05 * len(data)


def test_a_day_without_granules_is_missing_and_told_from_one_not_published(archive, source):
    archive.add_day(DAY, [0.2] * 8)
    archive.add_day(date(2020, 1, 3), [0.2] * 7)  # the eighth has not come
    days = [date(2020, 1, number) for number in (1, 2, 3, 4)]
    fields = source().read_fields(BOUNDS, days)
    assert list(fields.found) == [8, 0, 7, 0]
    assert fields.published_until == date(2020, 1, 2)
    assert np.isfinite(fields.data["sm_surface"]).any(("y", "x")).values.tolist() == [True, False, True, False]


def test_nothing_published_yet_gives_empty_days(archive, source):
    archive.add_day(date(2019, 12, 30), [0.2] * 8)
    fields = source().read_fields(BOUNDS, [DAY])
    assert list(fields.found) == [0] and fields.published_until == date(2019, 12, 30)
    assert fields.data["sm_surface"].shape == (1, *WINDOW.shape)


PASSING = {
    "429 then 200": {"status": 429, "headers": {"Retry-After": "0"}},
    "503": {"status": 503},
    "truncated body": {"truncate": 700},
    "server gone half way": {"reset": 900},
    "stalled reply": {"stall": "body"},
}


@pytest.mark.parametrize("way", ["whole", "in place"])
@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_changes_nothing(archive, source, loopback, request, fault, way):
    if way == "in place":
        request.getfixturevalue("in_place")
    archive.add_day(DAY, [0.2] * 2)
    loopback.fail(path=f"/archive/{smap_name(DAY, 1)}", **PASSING[fault])
    fields = source().read_fields(BOUNDS, [DAY])
    assert fields.found[0] == 2 and np.allclose(fields.data["sm_surface"], 0.2)


def test_a_catalogue_that_is_busy_is_asked_again(archive, source, loopback):
    archive.add_day(DAY, [0.2] * 8)
    loopback.fail(path="/search/granules.umm_json", status=503, times=2)
    assert source().read_fields(BOUNDS, [DAY]).found[0] == 8


WRONG = {
    "HTML with status 200": ({"html": "Sorry"}, AcquireError, "HTML page titled .Sorry."),
    "login page": ({"html": "Earthdata Login"}, CredentialError, "login page.*EARTHDATA_TOKEN"),
    "another file": ({"wrong": smap(0.2)[:-9]}, AcquireError, "bytes"),
    "wrong shape": ({"wrong": smap(0.2, shape=(1624, 3800))}, AcquireError, "1624 x 3800 cells.*expected 1624 x 3856"),
    "no such group": ({"wrong": hdf5({"x": (np.zeros(3), {})})}, AcquireError, "has no Geophysical_Data/sm_surface"),
    "all nodata": ({"wrong": smap(-9999)}, AcquireError, "sm_surface is all missing"),
    "other units": ({"wrong": smap(20, units="percent")}, AcquireError, "units 'percent'.*expected m3 m-3"),
    "impossible values": ({"wrong": smap(20)}, AcquireError, "sm_surface is 20.*expected 0 to 0.95"),
    "expired token": ({"status": 401, "body": {"error": "invalid_token"}}, CredentialError, "401.*make a new token"),
    "terms not accepted": ({"status": 403, "body": "EULA Acceptance"}, CredentialError, "403.*accept its EULAs"),
    "terms not accepted, 401": ({"status": 401, "body": "Please accept the EULA"}, CredentialError, "accept its EULAs"),
    "gone": ({"status": 404}, AcquireError, "404"),
    "busy for good": ({"status": 503}, AcquireError, "503.*after 3 attempts"),
}


@pytest.mark.parametrize("way", ["whole", "in place"])
@pytest.mark.parametrize("fault", WRONG)
def test_wrong_content_ends_in_one_line_and_leaves_no_crop(
    archive, source, loopback, request, tmp_path, files_in, fault, way
):
    if way == "in place":
        request.getfixturevalue("in_place")
    archive.described = fault == "another file"
    archive.add(smap_name(DAY, 0), smap(0.2), DAY)
    given, kind, message = WRONG[fault]
    if "wrong" in given:
        loopback.serve(f"/archive/{smap_name(DAY, 0)}", given["wrong"], ranges=way == "in place")
    else:
        loopback.fail(path=f"/archive/{smap_name(DAY, 0)}", times=3, **given)
    with pytest.raises(kind, match=message) as error:
        source().read_fields(BOUNDS, [DAY])
    assert "\n" not in str(error.value) and TOKEN not in str(error.value)
    assert smap_name(DAY, 0) in str(error.value)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_the_checksum_of_the_catalogue_is_compared(archive, source, algorithm, tmp_path, files_in):
    data = smap(0.2)
    right = hashlib.new(algorithm.replace("-", "").lower(), data).hexdigest()
    archive.add(smap_name(DAY, 0), data, DAY, Checksum={"Algorithm": algorithm, "Value": right})
    assert source().read_fields(BOUNDS, [DAY]).found[0] == 1
    archive.add(smap_name(DAY, 1), data, DAY, Checksum={"Algorithm": algorithm, "Value": right[::-1]})
    with pytest.raises(AcquireError, match=f"{right}.*expected {right[::-1]}, as the catalogue says"):
        source().read_fields(BOUNDS, [DAY])


def test_an_archive_without_ranges_gives_whole_granules_which_do_not_stay(
    archive, source, loopback, in_place, tmp_path, files_in
):
    archive.described = False
    for number in range(2):
        name = smap_name(DAY, number)
        archive.add(name, smap(0.2), DAY)
        loopback.serve(f"/archive/{name}", smap(0.2), ranges=False)
    fields = source().read_fields(BOUNDS, [DAY])
    assert fields.found[0] == 2 and archive.fetched().count(smap_name(DAY, 0)) == 2  # once to learn it
    assert archive.fetched().count(smap_name(DAY, 1)) == 1
    assert all(name.endswith(".npz") for name in files_in(tmp_path)) and len(files_in(tmp_path)) == 2


def test_a_run_that_was_killed_goes_on_with_the_granules_that_lack(archive, source, loopback):
    archive.add_day(DAY, [0.2] * 8)
    loopback.fail(path=f"/archive/{smap_name(DAY, 5)}", status=404)
    with pytest.raises(AcquireError):
        source().read_fields(BOUNDS, [DAY])
    before = len(archive.fetched())
    assert source().read_fields(BOUNDS, [DAY]).found[0] == 8
    assert archive.fetched()[before:] == [smap_name(DAY, number) for number in (5, 6, 7)]


def test_a_crop_that_was_cut_short_is_fetched_again(archive, source, tmp_path):
    archive.add_day(DAY, [0.2] * 2)
    source().read_fields(BOUNDS, [DAY])
    kept = sorted((tmp_path / "parts" / "granules").iterdir())
    kept[0].write_bytes(kept[0].read_bytes()[:100])
    before = len(archive.fetched())
    assert np.allclose(source().read_fields(BOUNDS, [DAY]).data["sm_surface"], 0.2)
    assert archive.fetched()[before:] == [smap_name(DAY, 0)]


def test_two_regions_in_one_workspace_do_not_share_crops(archive, source):
    archive.add_day(DAY, [0.2] * 8)
    one = source()
    one.read_fields(BOUNDS, [DAY])
    other = one.read_fields((146.4, -42.2, 146.5, -42.1), [DAY])
    assert other.data["sm_surface"].shape[1] < WINDOW.shape[0]


def test_the_token_goes_to_no_host_that_is_not_the_archives(archive, loopback, source):
    name = smap_name(DAY, 0)
    archive.add(name, smap(0.2), DAY)
    archive.items[name][2]["umm"]["RelatedUrls"][1]["URL"] = f"{loopback.other_url}/archive/{name}"
    with pytest.raises(AcquireError, match="leads to localhost"):
        source().read_fields(BOUNDS, [DAY])
    assert not loopback.asked("/archive/*")


def test_the_token_does_not_follow_a_redirect_to_the_storage(archive, loopback, source):
    name = smap_name(DAY, 0)
    archive.add(name, smap(0.2), DAY)
    loopback.serve(f"/bucket/{name}", smap(0.2))
    loopback.fail(path=f"/archive/{name}", redirect=f"{loopback.other_url}/bucket/{name}")
    assert source().read_fields(BOUNDS, [DAY]).found[0] == 1
    assert "authorization" not in loopback.asked("/bucket/*")[0].headers


def test_without_credentials_one_line_says_what_to_do(archive, source, monkeypatch, loopback):
    monkeypatch.delenv("EARTHDATA_TOKEN")
    with pytest.raises(CredentialError, match="no NASA Earthdata credentials.*set EARTHDATA_TOKEN"):
        source().read_fields(BOUNDS, [DAY])
    assert not loopback.requests


def test_user_and_password_of_netrc_become_a_token_over_tls(archive, source, monkeypatch, tls_login, no_credentials):
    monkeypatch.delenv("EARTHDATA_TOKEN")
    (no_credentials / ".netrc").write_text(
        f"machine {tls_login.host} login me password secret\nmachine urs.earthdata.nasa.gov login me password secret\n"
    )
    (no_credentials / ".netrc").chmod(0o600)
    archive.add_day(DAY, [0.2] * 8)
    assert source(login=tls_login.host).read_fields(BOUNDS, [DAY]).found[0] == 8
    assert {item.headers["authorization"] for item in archive.loopback.asked("/archive/*")} == {"Bearer from-tls"}


def test_a_refused_password_is_told_without_it(archive, source, monkeypatch, tls_login, no_credentials):
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("EARTHDATA_USERNAME", "me")
    monkeypatch.setenv("EARTHDATA_PASSWORD", "sesame")
    tls_login.status = 401
    with pytest.raises(CredentialError, match="refused user and password") as error:
        source(login=tls_login.host).read_fields(BOUNDS, [DAY])
    assert "sesame" not in str(error.value)


def l3e(morning, evening, flags=(0, 0)):
    groups = {"AM": ("", morning, flags[0]), "PM": ("_pm", evening, flags[1])}
    return hdf5({
        path: ((EASE_SHAPE, fill, np.full(WINDOW.shape, value, kind)), {"_FillValue": kind(fill)})
        for half, (end, moisture, flag) in groups.items()
        for path, value, kind, fill in (
            (f"Soil_Moisture_Retrieval_Data_{half}/soil_moisture{end}", moisture, np.float32, -9999.0),
            (f"Soil_Moisture_Retrieval_Data_{half}/retrieval_qual_flag{end}", flag, np.uint16, 65534),
        )
    })  # fmt: skip


def l3e_name(day):
    return f"SMAP_L3_SM_P_E_{day:%Y%m%d}_R19240_001.h5"


@pytest.mark.parametrize(
    ("flags", "expected"), [((0, 8), 0.3), ((0, 1), 0.2), ((7, 0), 0.4), ((1, 65534), np.nan)], ids=str
)  # fmt: skip
def test_l3e_is_the_mean_of_the_overpasses_whose_flag_is_good(archive, source, flags, expected):
    archive.add(l3e_name(DAY), l3e(0.2, 0.4, flags), DAY, version="005")
    fields = source("smap_l3e").read_fields(BOUNDS, [DAY])
    assert np.allclose(fields.data["sm_surface"], expected, equal_nan=True) and fields.found[0] == 2


def test_l3e_changes_its_version_on_the_day_of_the_splice(archive, source):
    days = [date(2023, 12, 2), date(2023, 12, 3), date(2023, 12, 4)]
    for day in days:
        archive.add(l3e_name(day), l3e(0.2, 0.2), day, version="005")
        archive.add(l3e_name(day).replace("R19240", "R19999"), l3e(0.4, 0.4), day, version="006")
    fields = source("smap_l3e").read_fields(BOUNDS, days)
    assert np.allclose(fields.data["sm_surface"][:, 0, 0], [0.2, 0.2, 0.4])
    assert len(archive.fetched()) == 3


CONUS = (-100.0, 40.0, -99.5, 40.3)


def nldas(hour, rain, temperature):
    latitude, longitude = np.linspace(25.0625, 52.9375, 224), np.linspace(-124.9375, -67.0625, 464)
    shape = (1, 224, 464)
    return hdf5({
        "lat": (latitude, {}), "lon": (longitude, {}),
        "Rainf": (np.full(shape, rain, np.float32), {"_FillValue": np.float32(-9999), "units": "kg m-2"}),
        "Tair": (np.full(shape, temperature, np.float32), {"_FillValue": np.float32(-9999), "units": "K"}),
    }, compression=1)  # fmt: skip


def add_hours(archive, day, hours, rain, temperature):
    for hour in hours:
        name = f"NLDAS_FORA0125_H.A{day:%Y%m%d}.{hour:02d}00.020.nc"
        archive.add(name, nldas(hour, rain(hour), temperature(hour)), day, version="2.0")


def test_nldas_rain_is_the_sum_of_the_hours_that_end_in_the_day(archive, source):
    add_hours(archive, DAY, range(24), lambda hour: 100.0 if hour == 0 else 1.0, lambda hour: 280.0 + hour)
    add_hours(archive, date(2020, 1, 2), [0], lambda hour: 5.0, lambda hour: 200.0)
    fields = source("nldas2").read_fields(CONUS, [DAY])
    cell = fields.data.isel(time=0, latitude=0, longitude=0)
    assert float(cell["rain"]) == pytest.approx(23 + 5)
    assert float(cell["tmin"]) == pytest.approx(280 - 273.15, abs=1e-3)
    assert float(cell["tmax"]) == pytest.approx(303 - 273.15, abs=1e-3)
    assert fields.found[0] == 24 and fields.data.attrs["crs"] == "EPSG:4326"
    west, north = fields.data["longitude"].values[0], fields.data["latitude"].values.max()
    assert west + 0.0625 <= CONUS[0] - 0.125 + 0.125 and north >= CONUS[3] + 0.0625


def test_a_sum_lacks_while_an_hour_lacks(archive, source):
    add_hours(archive, DAY, range(24), lambda hour: 1.0, lambda hour: 280.0)
    fields = source("nldas2").read_fields(CONUS, [DAY])
    assert np.isnan(fields.data["rain"]).all() and np.isfinite(fields.data["tmin"]).all()
    assert fields.found[0] == 23 and fields.published_until == date(2019, 12, 31)


def test_a_region_off_the_grid_is_told(archive, source):
    add_hours(archive, DAY, range(1), lambda hour: 1.0, lambda hour: 280.0)
    with pytest.raises(AcquireError, match="does not reach the region: latitude"):
        source("nldas2").read_fields(BOUNDS, [DAY])


class Login:
    """The login server: gives a token over TLS, or refuses."""

    host, status = "", 200


@pytest.fixture
def tls_login(tmp_path, monkeypatch):
    """A TLS server on this machine, with a certificate that is trusted for the test alone."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, folder = ec.generate_private_key(ec.SECP256R1()), tmp_path / "tls"
    folder.mkdir()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    today = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(today - dt.timedelta(1)).not_valid_after(today + dt.timedelta(1))
        .add_extension(address, False).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    login = Login()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = b'{"access_token": "from-tls", "token_type": "Bearer", "expiration_date": "01/01/2100"}'
            body = body if urlsplit(self.path).path == "/api/users/find_or_create_token" else b"{}"
            self.send_response(login.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "ca.pem"))
    login.host = f"127.0.0.1:{server.server_port}"
    yield login
    server.shutdown()
    server.server_close()
