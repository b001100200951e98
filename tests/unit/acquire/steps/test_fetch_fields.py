import json
from datetime import date

import numpy as np
import pytest
import xarray as xr
from memory_sources import MOISTURE, MemoryFields, cell_value, dataset, model_only
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.canonical.manifest import manifest_path, read_manifest
from loam.acquire.canonical.origin import is_current
from loam.acquire.catalogue import Gap
from loam.acquire.file_spans import state_with_late_days
from loam.acquire.steps.fetch_fields import fetch_fields
from loam.acquire.steps.fetched_parts import open_parts, parts_folder
from loam.acquire.steps.month_days import days_to_fetch
from loam.errors import AcquireError, ConfigError

GRID = GeoBox.from_bbox((500000, 5200000, 540000, 5240000), "EPSG:32755", resolution=80)
JANUARY = [date(2020, 1, day) for day in range(1, 32)]
WEATHER = dataset()
REQUEST = {"dataset": "weather", "span": "2020-01"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "resources" / "2020-01.nc"


def fetch(path, entry=WEATHER, *, span="2020-01", state="final", request=REQUEST, kind=MemoryFields, **told):
    source = kind(entry, open_parts(path, request), **told)
    fetch_fields(source, GRID, span, state, path, manifest_path(path), request)
    return source


def states(path):
    frame = read_manifest(path)
    return dict(zip(frame["date"].dt.date, frame["state"], strict=True))


def test_a_month_is_one_request_and_one_cf_file(path, files_in):
    source = fetch(path)
    assert len(source.asked) == 1 and source.asked[0][1] == JANUARY
    with xr.open_dataset(path) as data:
        assert data["rain"].dims == ("time", "latitude", "longitude") and data["rain"].dtype == np.float32
        assert data["rain"].attrs["units"] == "mm d-1" and data["tmin"].attrs["long_name"] == "lowest temperature"
        assert (
            data["rain"].attrs["grid_mapping"] == "crs"
            and data["crs"].attrs["grid_mapping_name"] == "latitude_longitude"
        )
        assert data.attrs["day_boundary"] == "00:00 UTC" and data.attrs["Conventions"].startswith("CF-")
        assert data.indexes["time"].date.tolist() == JANUARY
        field = data["tmin"].sel(time="2020-01-17")
        wanted = cell_value("tmin", date(2020, 1, 17), data.longitude.values, data.latitude.values)
        assert np.allclose(field, wanted, atol=1e-6)
        assert np.isnan(data["rain"].encoding["_FillValue"]) and data["rain"].encoding["zlib"]
    assert files_in(path.parent) == ["2020-01.manifest.csv", "2020-01.nc", "2020-01.nc.provenance.json"]
    assert is_current(path, REQUEST)


def test_the_bounds_asked_for_hold_the_grid(path):
    (west, south, east, north), _ = fetch(path).asked[0]
    corners = GRID.extent.to_crs("EPSG:4326").boundingbox
    assert west <= corners[0] and south <= corners[1] and east >= corners[2] and north >= corners[3]
    assert west > corners[0] - 0.01 and north < corners[3] + 0.01


def test_fields_on_a_projected_grid_keep_it(path):
    fetch(path, size=9000.0, crs="EPSG:6933")
    with xr.open_dataset(path) as data:
        assert data["rain"].dims == ("time", "y", "x") and data["x"].attrs["units"] == "m"
        assert data["crs"].attrs["grid_mapping_name"] == "lambert_cylindrical_equal_area"
        assert float(data["x"][1] - data["x"][0]) == 9000


def test_an_open_month_ends_on_the_day_it_is_asked_on(path):
    source = fetch(path, state="open 2020-01-20", lacking=JANUARY[14:], published_until=date(2020, 1, 14))
    assert source.asked[0][1] == JANUARY[:20]
    assert states(path)[date(2020, 1, 14)] == "complete" and states(path)[date(2020, 1, 15)] == "not_yet_published"
    with xr.open_dataset(path) as data:
        assert data.sizes["time"] == 20 and np.isnan(data["rain"][14:]).all() and not np.isnan(data["rain"][:14]).any()


def test_a_month_of_which_nothing_is_published_is_a_file_of_missing_days(path):
    fetch(path, state="open 2020-01-03", lacking=JANUARY, published_until=date(2019, 12, 30))
    assert set(states(path).values()) == {"not_yet_published"}
    with xr.open_dataset(path) as data:
        assert data.sizes["time"] == 3 and np.isnan(data["rain"]).all()


def test_without_word_of_the_provider_an_open_month_is_published_until_its_last_field(path):
    fetch(path, state="open 2020-01-20", lacking=JANUARY[14:])
    assert states(path)[date(2020, 1, 15)] == "not_yet_published"


def test_a_provider_that_is_late_is_said_so_in_the_log(path, caplog):
    fetch(path, state="open 2020-01-20", lacking=JANUARY[9:])
    assert "5 days from 2020-01-10 are not published yet" in caplog.text


def test_a_day_without_field_amid_others_is_a_failure_that_names_it_and_leaves_no_file(path, files_in):
    with pytest.raises(AcquireError, match="weather from direct, 2020-01: failed: 2020-01-09, 2020-01-11") as raised:
        fetch(path, state="open 2020-01-20", lacking=[JANUARY[8], JANUARY[10]])
    assert "known_gaps" in str(raised.value)
    assert [name for name in files_in(path.parent) if not name.startswith(".")] == []
    source = fetch(path, state="open 2020-01-20")
    assert len(source.asked) == 1 and set(states(path).values()) == {"complete"}


def test_a_final_month_that_ends_early_has_failed(path):
    with pytest.raises(AcquireError, match="failed: 2020-01-31"):
        fetch(path, lacking=[JANUARY[-1]])


def test_a_known_gap_is_no_failure_and_is_told_from_one(path):
    gap = Gap(date(2020, 1, 5), date(2020, 1, 7), "missing", "the satellite slept")
    fetch(path, dataset(known_gaps=(gap,)), lacking=JANUARY[4:7])
    assert [day.day for day, state in states(path).items() if state == "known_gap"] == [5, 6, 7]
    assert "the satellite slept" in read_manifest(path)["detail"][5]


def test_days_before_the_record_begins_are_a_known_gap(path):
    fetch(path, dataset(start=date(2020, 1, 10)), lacking=JANUARY[:9])
    assert states(path)[date(2020, 1, 9)] == "known_gap" and states(path)[date(2020, 1, 10)] == "complete"


def test_moisture_counts_its_fields_and_flags_days_of_the_model_alone(path):
    entry = dataset(
        "smap",
        MOISTURE,
        kind="coarse_moisture",
        step_hours=3,
        known_gaps=(model_only(date(2020, 1, 20), date(2020, 2, 9)),),
    )
    fetch(path, entry, fewer={date(2020, 1, 4): 6})
    with xr.open_dataset(path) as data:
        assert data["n_fields"].dims == ("time",) and data["n_fields"].values.tolist() == [8] * 3 + [6] + [8] * 27
        assert data["model_only"].values.tolist() == [0] * 19 + [1] * 12
    assert states(path)[date(2020, 1, 4)] == "partial"
    assert read_manifest(path)["model_only"].sum() == 12


def test_weather_has_neither(path):
    fetch(path)
    with xr.open_dataset(path) as data:
        assert {"n_fields", "model_only"}.isdisjoint(data.data_vars)


def test_provisional_days_are_marked(path):
    fetch(path, state="provisional", provisional=JANUARY[20:])
    frame = read_manifest(path)
    assert frame["provisional"].tolist() == [False] * 20 + [True] * 11


def all_missing(data):
    data["tmin"][:] = np.nan
    return data


def test_a_variable_that_is_missing_everywhere_is_an_error(path, files_in):
    with pytest.raises(AcquireError, match="every cell of tmin is missing on all 31 days"):
        fetch(path, change=all_missing)
    assert [name for name in files_in(path.parent) if name.endswith(".nc")] == []


def test_retrievals_that_flags_screen_may_be_missing_everywhere(path):
    keys = {"direct": {"client": "memory", "host": "files", "bands": {"sm_surface": {"flags": ["q"], "good": [0]}}}}
    entry = dataset("l3", MOISTURE, kind="coarse_moisture", step_hours=12, back_ends=keys)

    def screened(data):
        data["sm_surface"][:] = np.nan
        return data

    fetch(path, entry, change=screened)
    assert set(states(path).values()) == {"complete"}


def test_one_field_that_is_missing_everywhere_counts_as_lacking(path):
    def one_empty(data):
        data["rain"][8] = np.nan
        return data

    with pytest.raises(AcquireError, match="failed: 2020-01-09"):
        fetch(path, change=one_empty)


class Breaks(MemoryFields):
    """The server is gone after three months."""

    def read_fields(self, bounds, days):
        if len(self.asked) == 3:
            raise AcquireError("the connection failed", where="loopback")
        return super().read_fields(bounds, days)


def test_a_year_is_asked_for_by_months_and_a_rerun_asks_for_those_that_lack(path):
    path, entry = path.with_name("2020.nc"), dataset(period="year")
    with pytest.raises(AcquireError, match="the connection failed"):
        fetch(path, entry, span="2020", kind=Breaks)
    assert not path.exists() and len(list(parts_folder(path).glob("*.nc"))) == 3
    source = fetch(path, entry, span="2020")
    assert [days[0].month for _, days in source.asked] == list(range(4, 13))
    with xr.open_dataset(path) as data:
        assert data.sizes["time"] == 366
        day = date(2020, 2, 29)
        assert np.allclose(
            data["rain"].sel(time=str(day)), cell_value("rain", day, data.longitude, data.latitude), atol=1e-6
        )


def test_months_on_other_cells_do_not_join(path):
    path, entry = path.with_name("2020.nc"), dataset(period="year")

    class Shifts(MemoryFields):
        def read_fields(self, bounds, days):
            self.size = 0.1 if days[0].month < 3 else 0.05
            return super().read_fields(bounds, days)

    with pytest.raises(AcquireError, match="2020-03: the cells are others"):
        fetch(path, entry, span="2020", kind=Shifts)
    assert not path.exists()


def test_composites_are_asked_for_on_their_days_only():
    entry = dataset(step_hours=192, period="year", start=date(2000, 2, 18))
    days = days_to_fetch(entry, "2021", "final")
    assert days[:3] == [date(2021, 1, 1), date(2021, 1, 9), date(2021, 1, 17)] and len(days) == 46
    assert days_to_fetch(entry, "2021", "open 2021-01-20") == days[:3]


def test_a_month_that_has_not_begun_is_refused():
    with pytest.raises(ConfigError, match="none of its days has come by 2019-12-30"):
        days_to_fetch(WEATHER, "2020-01", "open 2019-12-30")


def test_the_same_request_gives_the_same_provenance_and_another_state_is_another_request(path):
    request = {**REQUEST, "state": "provisional"}
    fetch(path, request=request, state="provisional")
    record = json.loads(path.with_name("2020-01.nc.provenance.json").read_text())["source"]
    assert record["days"] == {"complete": 31} and record["request"] == request
    assert not is_current(path, {**REQUEST, "state": "final"})


def test_cells_are_those_of_the_source_whatever_the_way_it_orders_rows(path):
    fetch(path, change=lambda data: data.isel(latitude=slice(None, None, -1)))
    with xr.open_dataset(path) as data:
        day = JANUARY[3]
        assert np.allclose(data["rain"][3], cell_value("rain", day, data.longitude, data.latitude), atol=1e-6)
        assert (np.diff(data.latitude) > 0).all()


def test_an_incomplete_day_without_values_is_partial_and_no_failure(path):
    entry = dataset(step_hours=1)

    def no_sum(data):
        data["rain"][8] = np.nan
        return data

    fetch(path, entry, fewer={JANUARY[8]: 13}, change=no_sum)
    assert states(path)[JANUARY[8]] == "partial"


def test_a_month_whose_last_days_were_not_published_stays_open(path):
    on = date(2020, 5, 1)
    assert state_with_late_days(WEATHER, "2020-01", on, manifest_path(path)) == "final"
    fetch(path, lacking=JANUARY[28:], published_until=JANUARY[27])
    assert state_with_late_days(WEATHER, "2020-01", on, manifest_path(path)) == "open 2020-05-01"
    fetch(path)
    assert state_with_late_days(WEATHER, "2020-01", on, manifest_path(path)) == "final"


def test_sources_are_told_the_day_they_are_asked_on():
    access = Access(folders={"silo": "mine"})
    assert access.on("open 2020-01-20") == Access(folders={"silo": "mine"}, asked_on=date(2020, 1, 20))
    assert access.on("open 2020-01-20").on("final") == access
    assert access.on("provisional").asked_on > date(2026, 1, 1)
