"""Cloud-optimised GeoTIFFs of a server on this machine, which fails as it is told."""

import logging
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.transform import from_origin

from loam.acquire.access import Access
from loam.acquire.catalogue import catalogue, dataset_of
from loam.acquire.direct.cog_source import CogSource, tile_names
from loam.acquire.http.retry import Policy
from loam.errors import AcquireError, ConfigError, CredentialError

GRID = GeoBox((30, 40), Affine(80, 0, 500_000, 0, -80, 5_300_000), "EPSG:28355")  # 147.0 E, 42.45 S
PLACE = from_origin(146.9, -42.4, 0.001, 0.001)
KEY = "a-key-that-nobody-may-see"
QUICK = Policy(attempts=3, first_wait_s=0.001, longest_wait_s=0.01, wall_clock_s=20, timeout_s=1)


def cog(path, values, transform=PLACE, crs="EPSG:4326", **more):
    """The bytes of a cloud-optimised GeoTIFF."""
    with rasterio.open(
        path, "w", driver="COG", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype, crs=crs,
        transform=transform, blocksize=128, overviews="NONE", **more,
    ) as file:  # fmt: skip
        file.write(values, 1)
    return path.read_bytes()


def ramp(shape=(400, 400)):
    """Values that differ from pixel to pixel and do not compress away."""
    return (10 + np.random.default_rng(0).random(shape)).astype(np.float32)


def source_of(name, base, tmp_path, **access):
    dataset = dataset_of(name)
    keys = {**dataset.back_ends["direct"], "base": base}
    source = CogSource(replace(dataset, back_ends={"direct": keys}), Access(**access), tmp_path / "work")
    source.policy = QUICK
    return source


@pytest.fixture
def tern(monkeypatch):
    monkeypatch.setenv("TERN_API_KEY", KEY)


@pytest.fixture
def clay(loopback, tmp_path, no_credentials):
    """SoilGrids' clay, four depths; gives the source and the path of the first."""
    data = cog(tmp_path / "clay.tif", np.full((400, 400), 250, np.int16), nodata=-32768)
    for depth in ("0-5", "5-15", "15-30", "30-60"):
        loopback.serve(f"/clay/clay_{depth}cm_mean.vrt", data)
    return source_of("soilgrids", loopback.url, tmp_path), "/clay/clay_0-5cm_mean.vrt"


@pytest.fixture
def elevation(loopback, tmp_path, no_credentials):
    """A tile of GLO-30; gives the source, the tile's path and its values."""
    values = ramp((500, 500))
    data = cog(tmp_path / "dem.tif", values, from_origin(147, -42, 0.002, 0.002), compress="NONE")
    loopback.serve(path := "/" + tile_path("S43", "E147"), data)
    return source_of("glo30", loopback.url, tmp_path), path, values


def tile_path(y, x):
    return catalogue()["glo30"].back_ends["direct"]["bands"]["elevation"]["tiles"].format(y=y, x=x)


def at_centres(values, geobox, transform):
    """The source pixel under each target pixel's centre."""
    columns, rows = np.meshgrid(np.arange(geobox.shape[1]) + 0.5, np.arange(geobox.shape[0]) + 0.5)
    x, y = geobox.transform.a * columns + geobox.transform.c, geobox.transform.e * rows + geobox.transform.f
    x, y = Transformer.from_crs(geobox.crs.to_wkt(), "EPSG:4326", always_xy=True).transform(x, y)
    return values[((y - transform.f) / transform.e).astype(int), ((x - transform.c) / transform.a).astype(int)]


# What a map is


def test_the_bands_of_soil_are_its_depths_in_canonical_units(clay):
    values = clay[0].read_map("clay", GRID)
    assert values.shape == (4, 30, 40) and values.dtype == np.float32
    assert np.allclose(values, 25)


def test_available_water_is_what_is_held_at_33_less_what_at_1500_kpa_and_never_negative(loopback, tmp_path):
    for depth, wilting in {"0-5": 120, "5-15": 310, "15-30": 120, "30-60": 120}.items():
        for suction, content in (("0033", 300), ("1500", wilting)):
            data = cog(tmp_path / "w.tif", np.full((400, 400), content, np.int16), nodata=-32768)
            loopback.serve(f"/wv{suction}/wv{suction}_{depth}cm_mean.vrt", data)
    values = source_of("soilgrids", loopback.url, tmp_path).read_map("awc", GRID)
    assert np.allclose(values[:, 5, 5], [18, 0, 18, 18])


def test_depths_given_as_points_become_layers_by_the_mean_of_their_ends(loopback, tmp_path):
    for depth, density in {0: 110, 5: 130, 15: 150, 30: 160, 60: 170}.items():
        data = cog(tmp_path / "d.tif", np.full((400, 400), density, np.int16), nodata=-1)
        loopback.serve(f"/dbovendry_{depth}_cm_p.tif", data)
    values = source_of("solus100", loopback.url, tmp_path).read_map("bulk_density", GRID)
    assert np.allclose(values[:, 5, 5], [1.20, 1.40, 1.55, 1.65])


def test_values_are_those_of_the_place_in_another_crs(elevation):
    source, _, values = elevation
    found = source.read_map("elevation", GRID)[0]
    near = at_centres(values, GRID, from_origin(147, -42, 0.002, 0.002))  # 0.002 degrees are two pixels or more
    assert (np.isclose(found, near)).mean() > 0.3  # the others lie across two source pixels
    assert np.abs(found - near).max() < 1


def test_heights_for_slopes_go_smoothly_between_the_tiles_own_pixels(loopback, tmp_path, no_credentials):
    plane = np.add.outer(np.arange(500) * 2.0, np.arange(500) * 3.0).astype(np.float32)
    place = from_origin(147, -42, 0.002, 0.002)
    loopback.serve("/" + tile_path("S43", "E147"), cog(tmp_path / "dem.tif", plane, place))
    source, net = source_of("glo30", loopback.url, tmp_path), GRID[:, 2:]
    assert source.native_metres("elevation", net) == pytest.approx((0.002 * 82_200 + 0.002 * 111_070) / 2, rel=0.01)
    source.smooth = True
    found = source.read_map("elevation", net)[0]
    columns, rows = np.meshgrid(np.arange(38) + 0.5, np.arange(30) + 0.5)
    x, y = Transformer.from_crs("EPSG:28355", "EPSG:4326", always_xy=True).transform(*(net.transform @ (columns, rows)))
    expected = (-42 - y) / 0.002 * 2 - 1 + (x - 147) / 0.002 * 3 - 1.5
    assert np.abs(found - expected)[:, 5:].max() < 0.05  # of 3 m from pixel to pixel; the tile begins at 147 E


def test_a_tile_at_sea_is_missing_and_its_neighbour_is_not(loopback, elevation, caplog):
    source, _, _ = elevation
    across = GeoBox((10, 40), Affine(80, 0, 498_400, 0, -80, 5_300_000), "EPSG:28355")  # 147 E runs through the middle
    with caplog.at_level(logging.INFO):
        found = source.read_map("elevation", across)[0]
    assert np.isnan(found[:, :19]).all() and np.isfinite(found[:, 21:]).all()
    assert "1 of 2 tiles are not there, no land" in caplog.text and "S43_00_E146" in caplog.text


def test_a_block_with_no_tile_at_all_is_all_missing(loopback, tmp_path):
    assert np.isnan(source_of("glo30", loopback.url, tmp_path).read_map("elevation", GRID)).all()


def test_neighbouring_tiles_are_joined_without_a_gap(loopback, tmp_path):
    whole = ramp((500, 1000))
    for x, part in (("E146", whole[:, :500]), ("E147", whole[:, 500:])):
        west = float(x[1:])
        loopback.serve("/" + tile_path("S43", x), cog(tmp_path / "t.tif", part, from_origin(west, -42, 0.002, 0.002)))
    across = GeoBox((10, 40), Affine(80, 0, 498_400, 0, -80, 5_300_000), "EPSG:28355")
    found = source_of("glo30", loopback.url, tmp_path).read_map("elevation", across)[0]
    assert np.isfinite(found).all()
    assert np.abs(found - at_centres(whole, across, from_origin(146, -42, 0.002, 0.002))).max() < 1


def test_classes_are_not_averaged_and_keep_their_nodata(loopback, tmp_path):
    values = np.where(np.arange(500) % 4 == 0, 80, 10)[np.newaxis].repeat(500, axis=0).astype(np.uint8)
    values[:, 250:] = 0
    data = cog(tmp_path / "c.tif", values, from_origin(147.0, -42.44, 0.0001, 0.0001), nodata=0)
    loopback.serve("/ESA_WorldCover_10m_2021_v200_S45E147_Map.tif", data)
    found = source_of("worldcover", loopback.url, tmp_path).read_map("worldcover", GRID)
    assert found.dtype.kind == "u" and set(np.unique(found).tolist()) == {0, 10}
    assert (found[0, :, 30:] == 0).all()


def test_a_window_without_any_value_is_missing_not_zero(loopback, tmp_path):
    data = cog(tmp_path / "n.tif", np.full((400, 400), -32768, np.int16), nodata=-32768)
    loopback.serve("/clay/*", data)
    assert np.isnan(source_of("soilgrids", loopback.url, tmp_path).read_map("clay", GRID)).all()


@pytest.mark.parametrize(
    ("template", "degrees", "corner", "expected"),
    [
        ("{y}{x}", 1, (146.9, -42.1), ["S43E146"]),
        ("{y}{x}", 3, (146.9, -42.1), ["S45E144"]),
        ("{y}{x}", 1, (-0.5, 0.5), ["N00W001"]),
        ("{y}{x}", 1, (147.0, -43.0), ["S43E146", "S43E147", "S44E146", "S44E147"]),
        ("{y}{x}", 3, (180.0, -16.5), ["S18W180", "S18E177"]),
    ],
)
def test_tiles_are_named_by_their_south_west_corners(template, degrees, corner, expected):
    crs = f"+proj=laea +lon_0={corner[0]} +lat_0={corner[1]} +datum=WGS84"
    assert tile_names(template, degrees, GeoBox((10, 10), Affine(80, 0, -400, 0, -80, 400), crs)) == expected


def test_a_tile_that_begins_within_a_pixel_is_asked_for_as_some_are_shifted_by_half_a_pixel():
    east_of_147 = GeoBox((5, 5), Affine(80, 0, 500_040, 0, -80, 5_300_000), "EPSG:28355")
    assert tile_names("{y}{x}", 1, east_of_147) == ["S43E146", "S43E147"]


def test_only_the_blocks_under_the_window_are_asked_for(loopback, elevation):
    source, path, values = elevation
    source.read_map("elevation", GRID[:10, :10])
    asked = [request.headers.get("range") for request in loopback.asked(path, "GET")]
    spans = [[int(part) for part in text.removeprefix("bytes=").split("-")] for text in asked if text]
    assert None not in asked
    assert sum(last - first + 1 for first, last in spans) < values.nbytes / 8


def test_the_open_file_serves_the_next_tile_without_being_asked_for_again(loopback, elevation):
    source, path, _ = elevation
    source.read_map("elevation", GRID[:10, :10])
    before = len(loopback.asked(path, "HEAD"))
    source.read_map("elevation", GRID[20:, 30:])
    assert len(loopback.asked(path, "HEAD")) == before


# Faults


@pytest.mark.parametrize(
    "fault",
    [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 503}, {"status": 408}, {"truncate": 100},
     {"reset": 50}, {"stall": "body"}],
    ids=lambda fault: "_".join(map(str, fault.items())),
)  # fmt: skip
@pytest.mark.parametrize("times", [1, 5])
def test_what_passes_is_asked_again(loopback, elevation, fault, times):
    source, path, _ = elevation
    expected = source.read_map("elevation", GRID[:5, :5])
    source._rasters.close()
    source.policy = replace(QUICK, attempts=8)
    del source._rasters
    loopback.fail(path=path, times=times if "stall" not in fault else 1, **fault)
    assert np.array_equal(source.read_map("elevation", GRID[:5, :5]), expected)


def test_a_fault_while_the_blocks_are_read_does_not_become_zeros(loopback, elevation):
    source, path, values = elevation
    source.read_map("elevation", GRID[:2, :2])  # the header is known, the blocks further south are not
    loopback.fail(path=path, times=3, truncate=100)
    south = GeoBox((5, 5), Affine(80, 0, 550_000, 0, -80, 5_260_000), "EPSG:28355")
    found = source.read_map("elevation", south)
    assert found.min() > 9 and np.isfinite(found).all()


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ({"status": 503}, AcquireError, "HTTP 503"),
        ({"status": 429}, AcquireError, "HTTP 429"),
        ({"status": 401}, CredentialError, "HTTP 401"),
        ({"status": 403}, CredentialError, "HTTP 403"),
        ({"status": 400}, AcquireError, "HTTP 400"),
        ({"html": "Service under maintenance"}, AcquireError, 'an HTML page titled "Service under maintenance"'),
        ({"html": "Please log in"}, CredentialError, "login page"),
        ({"wrong": b"PK\x03\x04"}, AcquireError, "a ZIP archive"),
        ({"truncate": 100}, AcquireError, "attempts"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_stays_wrong_is_an_error_that_says_what_the_server_did(loopback, elevation, fault, error, text):
    source, path, _ = elevation
    loopback.fail(path=path, times=200, **fault)
    with pytest.raises(error, match=text) as found:
        source.read_map("elevation", GRID)
    assert path in str(found.value) and "\n" not in str(found.value)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_what_is_final_is_not_asked_again(loopback, elevation, status):
    source, path, _ = elevation
    loopback.fail(path=path, times=200, status=status)
    with pytest.raises(AcquireError):
        source.read_map("elevation", GRID)
    assert len(loopback.asked(path)) <= 4  # GDAL's HEAD and GET, and the question why


def test_retry_after_is_honoured(loopback, elevation, monkeypatch):
    source, path, _ = elevation
    source.policy = replace(QUICK, wall_clock_s=5)
    loopback.fail(path=path, times=200, status=429, headers={"Retry-After": "600"})
    with pytest.raises(AcquireError, match="asks to come back in 600 s"):
        source.read_map("elevation", GRID)


def test_a_reply_that_stands_still_is_cut(loopback, elevation):
    source, path, _ = elevation
    source.policy = replace(QUICK, attempts=1)
    loopback.fail(path=path, times=200, stall=True)
    with pytest.raises(AcquireError, match="stood still|timed out|Timeout"):
        source.read_map("elevation", GRID)


def test_a_file_that_should_be_there_and_is_not_is_an_error(loopback, tmp_path):
    with pytest.raises(AcquireError, match=r"clay_0-5cm_mean.vrt: HTTP 404"):
        source_of("soilgrids", loopback.url, tmp_path).read_map("clay", GRID)


def test_a_server_that_goes_away_in_the_middle_is_an_error(loopback, elevation):
    source, path, _ = elevation
    source.read_map("elevation", GRID[:2, :2])
    loopback.fail(times=1000, reset=0)
    south = GeoBox((5, 5), Affine(80, 0, 550_000, 0, -80, 5_260_000), "EPSG:28355")
    with pytest.raises(AcquireError, match="connection failed"):
        source.read_map("elevation", south)


def test_a_server_that_gives_no_parts_is_refused_before_the_whole_file_comes(loopback, tmp_path, no_credentials):
    data = cog(tmp_path / "clay.tif", ramp((1000, 1000)), compress="NONE")
    loopback.serve("/clay/*", data, ranges=False)
    with pytest.raises(AcquireError, match="does not give parts of files"):
        source_of("soilgrids", loopback.url, tmp_path).read_map("clay", GRID)


def test_a_raster_without_a_crs_is_refused_by_name(loopback, tmp_path):
    loopback.serve("/clay/*", cog(tmp_path / "c.tif", np.ones((200, 200), np.int16), crs=None))
    with pytest.raises(AcquireError, match=r"clay_0-5cm_mean.vrt: has no coordinate reference system"):
        source_of("soilgrids", loopback.url, tmp_path).read_map("clay", GRID)


def test_a_missing_part_of_a_virtual_raster_is_an_error_not_zeros(loopback, tmp_path):
    data = cog(tmp_path / "t.tif", np.full((200, 200), 250, np.int16), nodata=-32768)
    tile = (
        '<SimpleSource><SourceFilename relativeToVRT="1">tiles/{}.tif</SourceFilename><SourceBand>1</SourceBand>'
        '<SourceProperties RasterXSize="200" RasterYSize="200" DataType="Int16" BlockXSize="128" BlockYSize="128"/>'
        '<SrcRect xOff="0" yOff="0" xSize="200" ySize="200"/><DstRect xOff="{}" yOff="0" xSize="200" ySize="200"/>'
        "</SimpleSource>"
    )
    virtual = (
        '<VRTDataset rasterXSize="400" rasterYSize="200"><SRS>EPSG:4326</SRS>'
        "<GeoTransform>146.85, 0.001, 0, -42.4, 0, -0.001</GeoTransform>"
        '<VRTRasterBand dataType="Int16" band="1"><NoDataValue>-32768</NoDataValue>'
        f"{tile.format('a', 0)}{tile.format('b', 200)}</VRTRasterBand></VRTDataset>"
    )
    loopback.serve("/clay/*.vrt", virtual)
    loopback.serve("/clay/tiles/a.tif", data)
    source = source_of("soilgrids", loopback.url, tmp_path)
    west = GeoBox((10, 10), Affine(80, 0, 494_000, 0, -80, 5_300_000), "EPSG:28355")
    assert np.allclose(source.read_map("clay", west), 25)
    with pytest.raises(AcquireError, match="HTTP 404"):
        source.read_map("clay", GeoBox((10, 10), Affine(80, 0, 505_000, 0, -80, 5_300_000), "EPSG:28355"))


def test_a_variable_whose_files_are_not_known_is_a_config_error(loopback, tmp_path):
    source = source_of("soilgrids", loopback.url, tmp_path)
    source.keys = {**source.keys, "bands": {}}
    with pytest.raises(ConfigError, match="names of the files of 'clay' are not known"):
        source.read_map("clay", GRID)


# The key


@pytest.fixture
def slga(loopback, tmp_path, tern):
    data = cog(tmp_path / "clay.tif", np.full((400, 400), 21, np.float32))

    def guarded(request):
        return data if "authorization" in request.headers else (401, b"no")

    loopback.serve("/CLY/*", guarded)
    return source_of("slga", loopback.url, tmp_path)


def test_the_key_is_sent_as_a_password_and_is_seen_nowhere(slga, loopback, caplog):
    with caplog.at_level(logging.DEBUG):
        assert np.allclose(slga.read_map("clay", GRID), 21)
    assert all(request.headers["authorization"].startswith("Basic ") for request in loopback.asked("/CLY/*"))
    assert len({request.path for request in loopback.asked("/CLY/*")}) == 4
    assert not any(KEY in request.path or KEY in str(request.query) for request in loopback.requests)
    assert KEY not in caplog.text and KEY not in str(vars(slga)) and KEY not in str(slga.clients())
    assert rasterio._env.get_gdal_config("GDAL_HTTP_USERPWD") is None


def test_the_key_does_not_follow_a_redirect_to_another_host(slga, loopback, tmp_path):
    loopback.serve("/elsewhere.tif", cog(tmp_path / "e.tif", np.full((400, 400), 21, np.float32)))
    loopback.fail(
        times=500,
        redirect=loopback.other_url + "/elsewhere.tif",
        path="/CLY/v2/CLY_000_005_EV_N_P_AU_TRN_N_20210902.tif",
    )
    slga.read_map("clay", GRID)
    assert loopback.asked("/elsewhere.tif")
    assert not any("authorization" in request.headers for request in loopback.asked("/elsewhere.tif"))


def test_a_refused_key_is_an_error_that_says_which(slga, loopback):
    loopback.serve("/CLY/*", status=401)
    with pytest.raises(CredentialError, match="renew the key TERN_API_KEY") as found:
        slga.read_map("clay", GRID)
    assert KEY not in str(found.value) and KEY not in repr(found.value.__cause__)


def test_without_a_key_nothing_is_asked(loopback, tmp_path, no_credentials):
    with pytest.raises(CredentialError, match="TERN_API_KEY"):
        source_of("slga", loopback.url, tmp_path).read_map("clay", GRID)
    assert not loopback.requests


@pytest.mark.parametrize("name", ["slga", "soilgrids", "solus100"])
def test_every_soil_variable_has_a_file_for_each_layer(name):
    dataset = dataset_of(name)
    for variable, item in dataset.variables.items():
        entry = dataset.back_ends["direct"]["bands"][variable]
        assert len(entry["files"]) == len(item.bands)
        assert len(entry.get("minus", entry["files"])) == len(item.bands)


# Fields by day

FIRST = date(2020, 1, 30)
BOX = (146.95, -42.52, 147.05, -42.45)


@pytest.fixture
def smips(loopback, tmp_path, tern):
    """Days 30 and 31 January and 2 February: the first of February lacks."""
    for day, water in ((30, 90.0), (31, 180.0), (33, 270.0)):
        when = date(2020, 1, 1) + timedelta(days=day - 1)
        values = np.full((60, 60), water, np.float32)
        values[0] = -9999
        data = cog(tmp_path / "s.tif", values, from_origin(146.7, -42.3, 0.01, 0.01), nodata=-9999)
        loopback.serve(f"/totalbucket/2020/smips_totalbucket_mm_{when:%Y%m%d}.tif", data)
    return source_of("smips", loopback.url, tmp_path, asked_on=date(2020, 2, 5))


def days(count):
    return [FIRST + timedelta(days=step) for step in range(count)]


def test_the_fields_of_days_are_moisture_on_the_native_cells(smips):
    fields = smips.read_fields(BOX, days(2))
    data = fields.data
    assert data.sm_rootzone.dims == ("time", "latitude", "longitude") and data.attrs["crs"] == "EPSG:4326"
    assert np.allclose(data.sm_rootzone[0], 0.1) and np.allclose(data.sm_rootzone[1], 0.2)
    assert fields.found.tolist() == [1, 1]


def test_the_cells_cover_the_box_with_one_to_spare(smips):
    data = smips.read_fields(BOX, days(1)).data
    west, south, east, north = BOX
    assert west - 0.03 < data.longitude.min() - 0.005 < west - 0.0099
    assert east + 0.0099 < data.longitude.max() + 0.005 < east + 0.03
    assert south - 0.03 < data.latitude.min() - 0.005 < south - 0.0099
    assert north + 0.0099 < data.latitude.max() + 0.005 < north + 0.03
    assert float(data.latitude[0] - data.latitude[1]) == pytest.approx(0.01)


def test_a_day_that_lacks_between_others_has_failed_and_a_recent_one_is_not_yet_published(smips):
    fields = smips.read_fields(BOX, days(6))
    assert fields.found.tolist() == [1, 1, 0, 1, 0, 0]
    assert np.isnan(fields.data.sm_rootzone[2]).all()
    assert fields.published_until == date(2020, 2, 2)
    assert fields.provisional == {FIRST, date(2020, 1, 31), date(2020, 2, 2)}


def test_days_long_past_that_lack_are_not_taken_for_unpublished(smips):
    smips.access = Access(asked_on=date(2020, 12, 31))
    fields = smips.read_fields(BOX, days(6))
    assert fields.published_until > date(2020, 2, 4) and not fields.provisional


def test_a_month_of_which_nothing_is_published_yet_is_all_missing_on_the_same_cells(smips):
    fields = smips.read_fields(BOX, [date(2020, 2, 4), date(2020, 2, 5)])
    assert fields.found.tolist() == [0, 0] and fields.published_until == date(2020, 1, 8)
    assert fields.data.sm_rootzone.shape == (2, *smips.read_fields(BOX, days(1)).data.sm_rootzone.shape[1:])


def test_a_day_on_another_grid_is_an_error(smips, loopback, tmp_path):
    data = cog(tmp_path / "s.tif", np.ones((60, 60), np.float32), from_origin(146.705, -42.3, 0.01, 0.01))
    loopback.serve("/totalbucket/2020/smips_totalbucket_mm_20200131.tif", data)
    with pytest.raises(AcquireError, match="20200131.tif: is on another grid"):
        smips.read_fields(BOX, days(2))


def test_a_region_outside_the_grid_is_an_error(smips):
    with pytest.raises(AcquireError, match="does not cover the region"):
        smips.read_fields((10, 40, 11, 41), days(1))
