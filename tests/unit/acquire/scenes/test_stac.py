"""Sentinel-2 through pystac-client and odc-stac: scenes whole or cut, as delivered, or a clear error and no item."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import logging
from datetime import date

import numpy as np
import pytest
import rasterio
from affine import Affine

from loam.acquire.access import Access
from loam.acquire.canonical.origin import read_source
from loam.acquire.catalogue import dataset_of
from loam.acquire.http.retry import Policy
from loam.acquire.scenes.scene_files import fetch_listed
from loam.acquire.scenes.scene_table import SCENES, write_scenes
from loam.acquire.scenes.stac import StacScenes
from loam.acquire.scenes.stac_bands import check_band
from loam.config.sections.acquire import Sentinel2Scenes
from loam.errors import AcquireError, ConfigError, CredentialError
from loam.sentinel2.deliveries import open_product

BOUNDS = (146.9, -42.6, 147.2, -42.3)
DAYS = (date(2023, 1, 1), date(2023, 1, 31))
QUICK = Policy(attempts=3, first_wait_s=0.01, longest_wait_s=0.02, wall_clock_s=20, timeout_s=1)
FINE, COARSE = 64, 32  # pixels of a tile
CORNER = (500000.0, 5300000.0)
GRID = {"crs": "EPSG:32755", "bounds": [500160, 5299520, 500400, 5299840], "resolution": 80}


def numbers(pixels: int, start: int = 1) -> np.ndarray:
    return ((np.arange(pixels * pixels) + start) % 9000 + 1).reshape(pixels, pixels).astype("uint16")


def geotiff(path, values: np.ndarray, *, corner=CORNER, crs="EPSG:32755", nodata=0) -> bytes:
    side = 640 / values.shape[-1]
    profile = {
        "driver": "GTiff", "dtype": values.dtype, "count": 1, "height": values.shape[0], "width": values.shape[1],
        "crs": crs, "transform": Affine(side, 0, corner[0], 0, -side, corner[1]), "nodata": nodata, "tiled": True,
        "blockxsize": 16, "blockysize": 16,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(values, 1)
    return path.read_bytes()


@pytest.fixture(scope="module")
def contents(tmp_path_factory) -> dict[str, bytes]:
    """The files of a scene."""
    folder = tmp_path_factory.mktemp("scene")
    return {
        "B04": geotiff(folder / "B04.tif", numbers(FINE)),
        "B8A": geotiff(folder / "B8A.tif", numbers(COARSE, 7)),
        "B12": geotiff(folder / "B12.tif", numbers(COARSE, 11)),
        "SCL": geotiff(folder / "SCL.tif", (numbers(COARSE) % 12).astype("uint8")),
        "CLD": geotiff(folder / "CLD.tif", (numbers(COARSE) % 101).astype("uint8"), nodata=None),
    }


def stac_item(base: str, contents: dict[str, bytes], name: str = "S2A_55GDN_20230105_0_L2A", **properties) -> dict:
    """An item as Earth Search gives it."""

    def asset(file: str, pixels: int, **more) -> dict:
        return {
            "href": f"{base}/files/{file}.tif", "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "proj:shape": [pixels, pixels], "proj:transform": [640 / pixels, 0, CORNER[0], 0, -640 / pixels, CORNER[1]],
            "roles": ["data"], "file:checksum": "1220" + hashlib.sha256(contents[file]).hexdigest(),
            "file:size": len(contents[file]), "raster:bands": [{"nodata": 0, "data_type": "uint16", **more}],
        }  # fmt: skip

    reflectance = {"scale": 0.0001, "offset": -0.1}
    ring = [[146.99, -42.47], [147.01, -42.47], [147.01, -42.44], [146.99, -42.44], [146.99, -42.47]]
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "sentinel-2-l2a",
        "stac_extensions": ["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
        "bbox": [146.99, -42.47, 147.01, -42.44], "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "datetime": "2023-01-05T00:12:43.345000Z", "platform": "sentinel-2a", "grid:code": "MGRS-55GDN",
            "eo:cloud_cover": 12.5, "proj:epsg": 32755, "s2:processing_baseline": "05.09", "s2:product_type": "S2MSI2A",
            "s2:product_uri": "S2A_MSIL2A_20230105T001241_N0509_R030_T55GDN_20230105T023456.SAFE",
            "earthsearch:boa_offset_applied": True,
        } | properties,
        "links": [{"rel": "self", "href": f"{base}/stac/collections/sentinel-2-l2a/items/{name}?token=s3cret"}],
        "assets": {
            "red": asset("B04", FINE, **reflectance), "nir08": asset("B8A", COARSE, **reflectance),
            "swir22": asset("B12", COARSE, **reflectance), "scl": asset("SCL", COARSE), "cloud": asset("CLD", COARSE),
            "thumbnail": {"href": f"{base}/files/quick.jpg", "type": "image/jpeg"},
        },
    }  # fmt: skip


@pytest.fixture
def catalogue(loopback, contents):
    """A STAC API with paging; gives the source of scenes that asks it."""
    base = loopback.url
    for name, content in contents.items():
        loopback.serve(f"/files/{name}.tif", content)

    def serve(
        *items: dict, changes: dict | None = None, grid: dict | None = None, page: int = 2, **options
    ) -> StacScenes:
        loopback.serve("/stac", {
            "type": "Catalog", "id": "loopback", "stac_version": "1.0.0", "description": "scenes",
            "conformsTo": [
                "https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search",
                "https://api.stacspec.org/v1.0.0/ogcapi-features",
            ],
            "links": [
                {"rel": "self", "href": f"{base}/stac"}, {"rel": "root", "href": f"{base}/stac"},
                {"rel": "search", "href": f"{base}/stac/search", "method": "POST", "type": "application/geo+json"},
            ],
        })  # fmt: skip

        def search(request):
            at = request.json().get("token", 0)
            links = []
            if at + page < len(items):
                body = {**request.json(), "token": at + page}
                links = [{"rel": "next", "href": f"{base}/stac/search", "method": "POST", "body": body}]
            return {"type": "FeatureCollection", "features": list(items[at : at + page]), "links": links}

        loopback.serve("/stac/search", search, method="POST", ranges=False)
        for item in items:
            loopback.serve(f"/stac/collections/{item['collection']}/items/{item['id']}", item, ranges=False)
        given = dataset_of("sentinel2")
        keys = dict(given.back_end("direct"))
        entry = keys["catalogues"]["earth_search"] | {"url": f"{base}/stac"} | (changes or {})
        keys["catalogues"] = {"earth_search": entry}
        source = StacScenes(
            dataclasses.replace(given, back_ends={"direct": keys}),
            Access(choice=Sentinel2Scenes(dataset="sentinel2", back_end="direct", **options), grid=grid or GRID),
        )
        source.policy = QUICK
        return source

    return serve


@pytest.fixture
def item(loopback, contents):
    return stac_item(loopback.url, contents)


def listed(source: StacScenes) -> dict:
    return source.list_scenes(BOUNDS, *DAYS).iloc[0].to_dict()


def read(path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read(1)


class TestListing:
    def test_items_become_rows_and_all_pages_are_read(self, catalogue, loopback, contents):
        names = [f"S2A_55GDN_202301{day:02d}_0_L2A" for day in (5, 15, 25)]
        items = [
            stac_item(loopback.url, contents, name, datetime=f"2023-01-{name[16:18]}T00:12:43Z") for name in names[::-1]
        ]
        rows = catalogue(*items).list_scenes(BOUNDS, *DAYS)
        assert list(rows["scene"]) == names and list(rows.columns) == list(SCENES.columns)
        first = rows.iloc[0]
        assert (first["platform"], first["tile"], first["version"]) == ("S2A", "55GDN", "05.09")
        assert (first["relative_orbit"], first["cloud_cover"]) == (30, 12.5)
        assert first["url"] == f"{loopback.url}/stac/collections/sentinel-2-l2a/items/{names[0]}"
        assert first["bytes"] == sum(len(content) for content in contents.values())
        assert len(loopback.asked("/stac/search")) == 2

    def test_the_search_asks_for_region_days_and_collection(self, catalogue, item, loopback):
        catalogue(item).list_scenes(BOUNDS, *DAYS)
        asked = loopback.asked("/stac/search")[0].json()
        assert asked["bbox"] == list(BOUNDS) and asked["collections"] == ["sentinel-2-l2a"]
        assert asked["datetime"] == "2023-01-01T00:00:00Z/2023-01-31T23:59:59Z"

    def test_cloudy_scenes_are_left_out_and_those_that_do_not_say_stay(self, catalogue, loopback, contents):
        clear, cloudy, silent = (
            stac_item(loopback.url, contents, name, datetime=f"2023-01-{day}T00:00:00Z", **{"eo:cloud_cover": cover})
            for name, day, cover in (("clear", "05", 10), ("cloudy", "10", 91), ("silent", "15", None))
        )
        rows = catalogue(clear, cloudy, silent, cloud_cover=90).list_scenes(BOUNDS, *DAYS)
        assert list(rows["scene"]) == ["clear", "silent"]

    def test_of_a_take_processed_twice_the_newest_is_listed(self, catalogue, loopback, contents):
        old = stac_item(loopback.url, contents, "S2A_55GDN_20230105_0_L2A", **{"s2:processing_baseline": "04.00"})
        new = stac_item(loopback.url, contents, "S2A_55GDN_20230105_1_L2A", **{"s2:processing_baseline": "05.10"})
        assert list(catalogue(new, old).list_scenes(BOUNDS, *DAYS)["scene"]) == ["S2A_55GDN_20230105_1_L2A"]

    def test_an_item_of_digital_earth_australia_is_called_by_its_title(self, catalogue, item):
        item |= {"id": "52dda32c-cb4b-49eb-a31d-bcf70bf62751", "collection": "ga_s2am_ard_3"}
        item["properties"] = {
            "title": "ga_s2am_ard_3-2-1_55HGA_2019-11-21_final", "platform": "sentinel-2a", "odc:region_code": "55HGA",
            "datetime": "2023-01-05T00:06:43.424350Z", "sat:relative_orbit": 30, "odc:dataset_version": "3.2.1",
        }  # fmt: skip
        row = listed(catalogue(item))
        assert (row["scene"], row["tile"]) == ("ga_s2am_ard_3-2-1_55HGA_2019-11-21_final", "55HGA")
        assert (row["relative_orbit"], row["version"]) == (30, "3.2.1")
        assert row["url"].endswith("/collections/ga_s2am_ard_3/items/52dda32c-cb4b-49eb-a31d-bcf70bf62751")

    def test_nothing_found_is_an_empty_table(self, catalogue):
        rows = catalogue().list_scenes(BOUNDS, *DAYS)
        assert len(rows) == 0 and list(rows.columns) == list(SCENES.columns)

    @pytest.mark.parametrize(
        "fault", [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 503}, {"stall": True}, {"truncate": 50}]
    )
    @pytest.mark.parametrize("path", ["/stac", "/stac/search"])
    def test_a_busy_server_is_asked_again(self, fault, path, catalogue, item, loopback):
        source = catalogue(item)
        source.policy = dataclasses.replace(QUICK, timeout_s=0.2)
        loopback.fail(path=path, **fault)
        assert len(source.list_scenes(BOUNDS, *DAYS)) == 1

    def test_a_page_in_place_of_the_catalogue_is_an_error(self, catalogue, item, loopback):
        source = catalogue(item)
        loopback.fail(path="/stac/search", html="Under maintenance")
        with pytest.raises(AcquireError, match="Under maintenance"):
            source.list_scenes(BOUNDS, *DAYS)

    def test_a_wrong_query_is_not_asked_again(self, catalogue, item, loopback):
        source = catalogue(item)
        loopback.fail(path="/stac/search", status=400, body={"description": "bad bbox"})
        with pytest.raises(AcquireError, match="bad bbox"):
            source.list_scenes(BOUNDS, *DAYS)
        assert len(loopback.asked("/stac/search")) == 1


class TestWholeScenes:
    def test_bands_come_as_delivered_and_the_item_says_what_they_are(
        self, catalogue, item, contents, tmp_path, files_in
    ):
        source = catalogue(item)
        path = tmp_path / "x" / "x.json"
        note = source.fetch_scene(listed(source), path)
        assert files_in(tmp_path) == ["x/B04.tif", "x/B12.tif", "x/B8A.tif", "x/CLOUD.tif", "x/SCL.tif", "x/x.json"]
        assert (tmp_path / "x" / "B04.tif").read_bytes() == contents["B04"]
        assert (tmp_path / "x" / "CLOUD.tif").read_bytes() == contents["CLD"]
        kept = json.loads(path.read_text())
        assert kept["properties"] == item["properties"]
        red = kept["assets"]["B04"]
        assert (red["href"], red["loam:asset"]) == ("./B04.tif", "red")
        assert red["raster:bands"] == item["assets"]["red"]["raster:bands"]
        assert red["file:checksum"] == "1220" + hashlib.sha256(contents["B04"]).hexdigest()
        assert set(kept["assets"]) == {"B04", "B8A", "B12", "SCL", "CLOUD"}
        assert note["crop"] is False and note["catalogue"] == "earth_search"

    def test_the_next_stage_opens_what_was_fetched(self, catalogue, item, tmp_path):
        source = catalogue(item)
        source.fetch_scene(listed(source), tmp_path / "x.json")
        product = open_product(tmp_path / "x.json")
        assert (product.tile, product.level, product.baseline) == ("55GDN", "L2A", (5, 9))
        assert product.bands["B04"].offset == 0, "the offset is taken off the pixels already"
        assert product.cloud_probability.endswith("CLOUD.tif")

    def test_no_secret_reaches_the_item(self, catalogue, item, tmp_path):
        item["assets"]["red"]["href"] += "?X-Amz-Signature=s3cret"
        item["assets"]["red"]["alternate"] = {"s3": {"href": "s3://key:s3cret@bucket/B04.tif"}}
        source = catalogue(item)
        source.fetch_scene(listed(source), tmp_path / "x.json")
        assert "s3cret" not in (tmp_path / "x.json").read_text()

    def test_signed_addresses_are_asked_for_and_forgotten(self, catalogue, item, loopback, tmp_path, caplog):
        loopback.serve("/sign", lambda request: {"href": request.query["href"][0] + "?sig=s3cret"}, ranges=False)
        source = catalogue(item, changes={"sign": f"{loopback.url}/sign"})
        with caplog.at_level(logging.DEBUG, "loam"):
            note = source.fetch_scene(listed(source), tmp_path / "x.json")
        assert all(request.query == {"sig": ["s3cret"]} for request in loopback.asked("/files/*.tif"))
        assert "s3cret" not in (tmp_path / "x.json").read_text() + str(note) + caplog.text

    def test_addresses_of_buckets_are_rewritten(self, catalogue, item, loopback, tmp_path):
        for asset in item["assets"].values():
            asset["href"] = asset["href"].replace(loopback.url, "s3://dea-public-data")
        source = catalogue(item, changes={"rewrite": {"s3://dea-public-data/": f"{loopback.url}/"}})
        source.fetch_scene(listed(source), tmp_path / "x.json")
        assert json.loads((tmp_path / "x.json").read_text())["assets"]["B04"]["loam:source"].startswith(
            "s3://dea-public"
        )

    @pytest.mark.parametrize(
        "fault",
        [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 503}, {"truncate": 5000}, {"stall": "body"}],
    )
    def test_a_band_that_was_interrupted_is_continued(self, fault, catalogue, item, contents, loopback, tmp_path):
        source = catalogue(item)
        row = listed(source)
        source.policy = dataclasses.replace(QUICK, timeout_s=0.2)
        loopback.fail(path="/files/B04.tif", **fault)
        source.fetch_scene(row, tmp_path / "x.json")
        assert (tmp_path / "B04.tif").read_bytes() == contents["B04"]

    @pytest.mark.parametrize("crop", [False, True])
    def test_a_probability_of_snow_may_be_zero_everywhere(self, crop, catalogue, item, loopback, tmp_path):
        item["assets"]["snow"] = item["assets"]["cloud"] | {
            "href": f"{loopback.url}/files/SNW.tif",
            "file:checksum": "",
        }
        loopback.serve("/files/SNW.tif", geotiff(tmp_path / "w.tif", np.zeros((COARSE, COARSE), "uint8")))
        source = catalogue(item, crop=crop)
        source.fetch_scene(listed(source), tmp_path / "x.json")
        assert not read(tmp_path / "SNOW.tif").any()

    def test_a_server_that_goes_away_half_way_leaves_no_item_and_the_next_run_goes_on(
        self, catalogue, item, contents, loopback, tmp_path, files_in
    ):
        source = catalogue(item)
        row = listed(source)
        loopback.fail(path="/files/B12.tif", times=3, status=503)
        with pytest.raises(AcquireError, match="503"):
            source.fetch_scene(row, tmp_path / "x.json")
        assert not any(name.endswith(".json") or name == "B04.tif" for name in files_in(tmp_path))
        source.fetch_scene(row, tmp_path / "x.json")
        assert len(loopback.asked("/files/B04.tif")) == 1, "what was complete is not fetched again"
        assert "x.json" in files_in(tmp_path) and not list(tmp_path.glob(".*"))

    def test_a_scene_that_is_fetched_anew_stays_whole_until_then(self, catalogue, item, loopback, tmp_path):
        source = catalogue(item)
        row = listed(source)
        source.fetch_scene(row, tmp_path / "x.json")
        before = (tmp_path / "x.json").read_bytes()
        loopback.fail(path="/files/B12.tif", times=3, status=503)
        with pytest.raises(AcquireError):
            source.fetch_scene(row, tmp_path / "x.json")
        assert (tmp_path / "x.json").read_bytes() == before and (tmp_path / "B12.tif").is_file()

    def test_parts_of_another_processing_are_not_kept(self, catalogue, item, loopback, tmp_path):
        source = catalogue(item)
        row = listed(source)
        loopback.fail(path="/files/B12.tif", times=3, status=503)
        with pytest.raises(AcquireError):
            source.fetch_scene(row, tmp_path / "x.json")
        again = copy.deepcopy(item)
        again["properties"]["s2:processing_baseline"] = "05.11"
        catalogue(again).fetch_scene(row, tmp_path / "x.json")
        assert len(loopback.asked("/files/B04.tif")) == 2

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (lambda path: geotiff(path, numbers(FINE), corner=(400000.0, 5300000.0)), "is on 64 x 64 pixels"),
            (lambda path: geotiff(path, numbers(FINE), crs="EPSG:32756"), "32756"),
            (lambda path: geotiff(path, np.zeros((FINE, FINE), "uint16")), "all pixels are missing"),
            (lambda path: geotiff(path, numbers(FINE).astype("float32")), "float32"),
            (lambda path: geotiff(path, numbers(FINE))[:4000], "cannot be read"),
            (lambda path: b"\x89PNG" + bytes(9000), "PNG"),
        ],
        ids=["elsewhere", "another zone", "all missing", "not integers", "cut short", "a picture"],
    )
    def test_a_band_that_is_not_what_the_item_says_is_refused(
        self, make, says, catalogue, item, loopback, tmp_path, files_in
    ):
        for asset in item["assets"].values():
            asset.pop("file:checksum", None)
        source = catalogue(item)
        row = listed(source)
        wrong = make(tmp_path / "wrong.tif")
        (tmp_path / "wrong.tif").unlink(missing_ok=True)
        loopback.fail(path="/files/B04.tif", wrong=wrong)
        with pytest.raises(AcquireError, match=says):
            source.fetch_scene(row, tmp_path / "x.json")
        assert not [name for name in files_in(tmp_path) if name.endswith((".json", ".tif"))]

    def test_the_checksum_of_the_item_is_compared(self, catalogue, item, loopback, tmp_path):
        source = catalogue(item)
        row = listed(source)
        loopback.fail(path="/files/B04.tif", wrong=geotiff(tmp_path / "w.tif", numbers(FINE, 99)))
        with pytest.raises(AcquireError, match="SHA256"):
            source.fetch_scene(row, tmp_path / "x.json")

    def test_a_page_with_status_200_is_refused(self, catalogue, item, loopback, tmp_path):
        source = catalogue(item)
        row = listed(source)
        loopback.fail(path="/files/SCL.tif", html="Access portal")
        with pytest.raises(AcquireError, match="Access portal"):
            source.fetch_scene(row, tmp_path / "x.json")
        assert not (tmp_path / "x.json").exists()

    def test_refused_access_is_told_and_not_asked_again(self, catalogue, item, loopback, tmp_path):
        source = catalogue(item)
        row = listed(source)
        loopback.fail(path="/files/B04.tif", status=403)
        with pytest.raises(CredentialError, match="403"):
            source.fetch_scene(row, tmp_path / "x.json")
        assert len(loopback.asked("/files/B04.tif")) == 1

    def test_a_scene_without_a_needed_band_is_refused_before_anything_is_fetched(
        self, catalogue, item, loopback, tmp_path
    ):
        del item["assets"]["nir08"]
        source = catalogue(item)
        with pytest.raises(AcquireError, match="no B8A.*nir08"):
            source.fetch_scene(listed(source), tmp_path / "x.json")
        assert not loopback.asked("/files/*")

    def test_another_item_at_the_address_is_refused(self, catalogue, item, tmp_path):
        source = catalogue(item)
        row = listed(source) | {"scene": "S2A_55GDN_20230106_0_L2A"}
        with pytest.raises(AcquireError, match="the item is S2A_55GDN_20230105_0_L2A"):
            source.fetch_scene(row, tmp_path / "x.json")


class TestCutScenes:
    def test_the_pixels_that_the_grid_needs_are_the_scenes_own(self, catalogue, item, tmp_path):
        source = catalogue(item, crop=True)
        note = source.fetch_scene(listed(source), tmp_path / "x.json")
        assert note["crop"] is True
        red, nir = read(tmp_path / "B04.tif"), read(tmp_path / "B8A.tif")
        assert (red == numbers(FINE)[14:50, 14:42]).all() and red.dtype == np.uint16
        assert (nir == numbers(COARSE, 7)[6:26, 6:22]).all()
        with rasterio.open(tmp_path / "B04.tif") as dataset:
            assert dataset.transform == Affine(10, 0, CORNER[0] + 140, 0, -10, CORNER[1] - 140) and dataset.nodata == 0
        kept = json.loads((tmp_path / "x.json").read_text())
        assert kept["assets"]["B04"]["proj:shape"] == [36, 28]
        assert kept["assets"]["B04"]["proj:transform"] == [10.0, 0.0, CORNER[0] + 140, 0.0, -10.0, CORNER[1] - 140]

    def test_the_next_stage_opens_it(self, catalogue, item, tmp_path):
        source = catalogue(item, crop=True)
        source.fetch_scene(listed(source), tmp_path / "x.json")
        assert open_product(tmp_path / "x.json").bounds is not None

    def test_a_grid_in_another_projection_is_covered(self, catalogue, item, tmp_path):
        grid = {"crs": "EPSG:4326", "bounds": [147.002, -42.456, 147.004, -42.454], "resolution": 0.0005}
        source = catalogue(item, crop=True, grid=grid)
        source.fetch_scene(listed(source), tmp_path / "x.json")
        with rasterio.open(tmp_path / "B04.tif") as dataset:
            west, south, east, north = rasterio.warp.transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
        assert west < 147.002 and south < -42.456 and east > 147.004 and north > -42.454

    def test_blocks_of_rows_fit_together(self, catalogue, item, tmp_path, monkeypatch):
        monkeypatch.setattr("loam.acquire.scenes.stac_bands.ROWS", 7)
        source = catalogue(item, crop=True)
        source.fetch_scene(listed(source), tmp_path / "x.json")
        assert (read(tmp_path / "B04.tif") == numbers(FINE)[14:50, 14:42]).all()

    @pytest.mark.parametrize(
        "fault", [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 503}, {"truncate": 90}]
    )
    def test_a_busy_server_is_asked_again(self, fault, catalogue, item, loopback, tmp_path):
        source = catalogue(item, crop=True)
        row = listed(source)
        loopback.fail(path="/files/B04.tif", times=2, **fault)
        source.fetch_scene(row, tmp_path / "x.json")
        assert (read(tmp_path / "B04.tif") == numbers(FINE)[14:50, 14:42]).all()

    def test_a_server_that_stays_away_leaves_no_item(self, catalogue, item, loopback, tmp_path):
        source = catalogue(item, crop=True)
        row = listed(source)
        loopback.fail(path="/files/B04.tif", times=50, status=503)
        with pytest.raises(AcquireError, match="503"):
            source.fetch_scene(row, tmp_path / "x.json")
        assert not (tmp_path / "x.json").exists() and not list(tmp_path.rglob("B04*"))

    def test_signatures_are_not_logged_when_reading_fails(self, catalogue, item, loopback, tmp_path, caplog, capfd):
        loopback.serve("/sign", lambda request: {"href": request.query["href"][0] + "?sig=s3cret"}, ranges=False)
        source = catalogue(item, crop=True, changes={"sign": f"{loopback.url}/sign"})
        row = listed(source)
        loopback.fail(path="/files/B04.tif", times=50, status=503)
        with caplog.at_level(logging.INFO), pytest.raises(AcquireError) as caught:
            source.fetch_scene(row, tmp_path / "x.json")
        assert "s3cret" not in str(caught.value) + caplog.text + capfd.readouterr().err

    def test_a_grid_beside_the_scene_is_an_error(self, catalogue, item, tmp_path):
        grid = {**GRID, "bounds": [600000, 5299520, 600240, 5299840]}
        source = catalogue(item, crop=True, grid=grid)
        with pytest.raises(AcquireError, match="outside the run's grid"):
            source.fetch_scene(listed(source), tmp_path / "x.json")

    def test_an_empty_corner_is_kept_where_the_footprint_does_not_reach_and_refused_where_it_does(
        self, catalogue, item, loopback, contents, tmp_path
    ):
        values = numbers(FINE)
        values[10:55, 10:45] = 0
        loopback.serve("/files/B04.tif", geotiff(tmp_path / "w.tif", values))
        source = catalogue(item, crop=True)
        with pytest.raises(AcquireError, match="all pixels are missing"):
            source.fetch_scene(listed(source), tmp_path / "a" / "x.json")
        far = [[146.99, -42.44], [147.01, -42.44], [147.01, -42.43], [146.99, -42.44]]
        item["geometry"] = {"type": "Polygon", "coordinates": [far]}
        source = catalogue(item, crop=True)
        source.fetch_scene(listed(source), tmp_path / "b" / "x.json")
        assert not read(tmp_path / "b" / "B04.tif").any()


def test_the_run_fetches_a_listed_scene_once_and_again_when_it_is_to_be_cut(
    catalogue, item, loopback, tmp_path, monkeypatch
):
    write_scenes(catalogue(item).list_scenes(BOUNDS, *DAYS), tmp_path / "scenes.csv")
    product = tmp_path / "x" / "x.json"
    for crop in (False, False, True, True):
        source = catalogue(item, crop=crop)
        monkeypatch.setattr("loam.acquire.scenes.scene_files.open_scenes", lambda *_, source=source: source)
        fetch_listed(tmp_path / "scenes.csv", item["id"], source.access, product)
    assert len(loopback.asked("/stac/collections/*")) == 2
    assert read_source(product)["product"]["crop"] is True and read(tmp_path / "x" / "B04.tif").shape == (36, 28)


def test_an_unknown_catalogue_is_told():
    with pytest.raises(ConfigError, match="planetary_computer"):
        choice = Sentinel2Scenes(dataset="sentinel2", back_end="direct", catalogue="sciencehub")
        StacScenes(dataset_of("sentinel2"), Access(choice=choice))


def test_a_row_of_a_catalogue_that_is_gone_is_told(catalogue, item, tmp_path):
    source = catalogue(item)
    row = listed(source) | {"url": "https://old.example/collections/a/items/b"}
    with pytest.raises(ConfigError, match="old.example.*snakemake scenes"):
        source.fetch_scene(row, tmp_path / "x.json")


def test_the_clients_are_named_with_their_versions(catalogue):
    assert "odc-stac" in catalogue(crop=True).clients() and "odc-stac" not in catalogue().clients()


def test_real_bands_pass_the_check(shared_data):
    folder = shared_data / "sentinel" / "s2_l2a_decimated" / "S2A_29RKH_20200219_0_L2A"
    for band in ("B04", "B8A", "SCL"):
        check_band(folder / f"{band}.tif", None, 0)
