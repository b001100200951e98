import math

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from index_sentinel2 import stage
from odc.geo.geobox import GeoBox
from sentinel2_files import CRS, NDVI, NDWI, NORTH, SIDE, WEST, full, write_item, write_raster, write_safe, zipped

from loam.config.sections.sentinel2 import Sentinel2
from loam.errors import RasterError
from loam.raster.grid import Grid, Tile, geobox_of, same_grid, write_grid
from loam.sentinel2 import observe as module
from loam.sentinel2.deliveries import open_product
from loam.sentinel2.observe import observe

REAL = "sentinel/s2_l2a_decimated/S2A_29RKH_20200219_0_L2A"
WITHOUT = {"scale": 0.0001, "offset": 0, "nodata": 0}
APPLIED = {"earthsearch:boa_offset_applied": True}


def grid_on(geobox: GeoBox) -> Grid:
    height, width = geobox.shape
    return Grid(geobox, None, 512, (Tile(0, 0, height, width),))


def test_a_clear_tile_gives_its_indices_and_a_full_share(tmp_path, grid, read):
    observe([write_safe(tmp_path)], grid, tmp_path / "out.tif", Sentinel2())
    bands, tags = read(tmp_path / "out.tif")
    assert list(bands) == ["ndvi", "ndwi", "valid_share"]
    assert bands["ndvi"] == pytest.approx(NDVI, abs=1e-5)
    assert bands["ndwi"] == pytest.approx(NDWI, abs=1e-5)
    assert (bands["valid_share"] == 1).all()
    assert tags["tile"] == "55GEN"
    assert (tags["date"], tags["time"]) == ("2023-01-05", "2023-01-05T00:01:21+00:00")
    assert (tags["baseline"], tags["offset"], tags["level"]) == ("05.09", "-0.1", "L2A")
    assert tags["products"].startswith("S2A_MSIL2A_20230105")
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert same_grid(geobox_of(dataset), grid.geobox)
        assert dataset.units == ("1", "1", "1")
        assert math.isnan(dataset.nodata)


def test_the_same_land_gives_the_same_indices_however_it_is_delivered(tmp_path, grid, read):
    new = write_safe(tmp_path / "new")
    deliveries = {
        "new": new,
        "zip": zipped(new),
        "old": write_safe(tmp_path / "old", baseline="02.12", offset=None),
        "L1C": write_safe(tmp_path / "l1c", level="1C", masks={"MSK_CLASSI_B00.jp2": np.zeros((3, 10, 10), np.uint8)}),
        "item": write_item(tmp_path / "item", properties=APPLIED, described=WITHOUT),
        "raw item": write_item(
            tmp_path / "raw",
            described={"scale": 0.0001, "offset": -0.1},
            bands={"red": full(1500, 60), "nir08": full(4000), "swir22": full(2000)},
        ),
    }
    for name, path in deliveries.items():
        observe([path], grid, tmp_path / f"{name}.tif", Sentinel2())
        bands, _ = read(tmp_path / f"{name}.tif")
        assert bands["ndvi"] == pytest.approx(NDVI, abs=1e-5), name
        assert bands["ndwi"] == pytest.approx(NDWI, abs=1e-5), name


def test_clouds_lower_the_share_and_leave_the_mean_of_the_rest(tmp_path, grid, read):
    classes, near = full(4, dtype="uint8"), full(4000)
    classes[5:9, 5:8] = 9  # three quarters of the first pixel
    near[5:9, 5:8] = 9000
    classes[9:13, 5:7] = 3  # half of the one below
    classes[13:17, 5:9] = 8
    observe([write_safe(tmp_path, bands={"SCL": classes, "B8A": near})], grid, tmp_path / "out.tif", Sentinel2())
    bands, _ = read(tmp_path / "out.tif")
    assert bands["valid_share"][:4, 0] == pytest.approx([0.25, 0.5, 0, 1])
    assert np.isnan(bands["ndvi"][:4, 0]).tolist() == [True, False, True, False]
    assert bands["ndvi"][1, 0] == pytest.approx(NDVI, abs=1e-5)
    observe(
        [write_safe(tmp_path, bands={"SCL": classes, "B8A": near})],
        grid,
        tmp_path / "low.tif",
        Sentinel2(minimum_share=0.1),
    )
    assert read(tmp_path / "low.tif")[0]["ndvi"][0, 0] == pytest.approx(NDVI, abs=1e-5)


@pytest.mark.parametrize(("band", "number"), [("B04", 0), ("B8A", 65535), ("B12", 0)])
def test_a_pixel_that_one_band_did_not_see_is_not_valid(tmp_path, grid, read, band, number):
    values = full(2000)
    values[5:9, 5:7] = number
    observe([write_safe(tmp_path, bands={band: values})], grid, tmp_path / "out.tif", Sentinel2(minimum_share=0.2))
    bands, _ = read(tmp_path / "out.tif")
    assert bands["valid_share"][0, 0] == 0.5
    assert (bands["valid_share"].ravel()[1:] == 1).all()
    assert np.isfinite(bands["ndwi"]).all()


def test_a_scene_beside_the_grid_gives_a_file_without_values_and_a_warning(tmp_path, read, caplog):
    away = grid_on(GeoBox((4, 6), Affine(80, 0, WEST + 50_000, 0, -80, NORTH), CRS))
    observe([write_safe(tmp_path)], away, tmp_path / "out.tif", Sentinel2())
    bands, _ = read(tmp_path / "out.tif")
    assert np.isnan(bands["ndvi"]).all() and np.isnan(bands["ndwi"]).all()
    assert (bands["valid_share"] == 0).all()
    assert "does not reach the grid" in caplog.text


def test_what_lies_outside_the_tile_counts_as_not_valid(tmp_path, read):
    edge = grid_on(GeoBox((1, 3), Affine(80, 0, WEST - 120, 0, -80, NORTH), CRS))
    observe([write_safe(tmp_path)], edge, tmp_path / "out.tif", Sentinel2())
    bands, _ = read(tmp_path / "out.tif")
    assert bands["valid_share"].tolist() == [[0, 0.5, 1]]
    assert np.isfinite(bands["ndvi"]).tolist() == [[False, True, True]]


def test_blocks_do_not_show(shared_data, tmp_path, read, monkeypatch):
    around = grid_on(GeoBox((60, 70), Affine(730, 0, 215_030, 0, -730, 2_795_000), "EPSG:32629"))
    observe([shared_data / REAL], around, tmp_path / "one.tif", Sentinel2(minimum_share=0.3))
    monkeypatch.setattr(module, "SIDE", 40)
    observe([shared_data / REAL], around, tmp_path / "many.tif", Sentinel2(minimum_share=0.3))
    one, many = read(tmp_path / "one.tif")[0], read(tmp_path / "many.tif")[0]
    for name in one:
        assert one[name] == pytest.approx(many[name], abs=1e-6, nan_ok=True)
    assert 0.5 < np.isfinite(one["ndvi"]).mean() < 1


FEET = "+proj=tmerc +lat_0=24 +lon_0=-11.4 +k=0.9999 +x_0=500000 +y_0=0 +datum=WGS84 +units=us-ft +no_defs"  # feet


@pytest.mark.parametrize(
    ("crs", "size"),
    [("EPSG:32629", 0.9e3), ("EPSG:32628", 0.9e3), ("EPSG:4326", 0.009), ("EPSG:3035", 1e3), (FEET, 3e3)],
)
def test_pixels_are_the_means_of_a_dense_sample_of_the_real_tile(shared_data, tmp_path, read, crs, size):
    """Whatever the CRS: points spread over each pixel in its own CRS, looked up in the tile, give the same numbers."""
    product = open_product(shared_data / REAL)
    with rasterio.open(product.bands["B8A"].raster) as dataset:
        near, tile = dataset.read(1).astype(float), dataset.transform
    with rasterio.open(product.bands["B04"].raster) as dataset:
        red = dataset.read(1).astype(float).reshape(549, 2, 549, 2).mean((1, 3))
    with rasterio.open(product.classes) as dataset:
        clear = np.isin(dataset.read(1), [4, 5, 7]) & (near > 0) & (red > 0)
    transformer = pyproj.Transformer.from_crs("EPSG:32629", crs, always_xy=True)
    x, y = transformer.transform(200_000, 2_740_000)  # on the west edge, among clouds
    geobox = GeoBox((12, 12), Affine(size, 0, x - 3.3 * size, 0, -size, y + 6.1 * size), crs)
    observe([shared_data / REAL], grid_on(geobox), tmp_path / "out.tif", Sentinel2(minimum_share=0.05))
    bands, _ = read(tmp_path / "out.tif")
    steps = (np.arange(12 * 60) + 0.5) / 60
    columns, rows = np.meshgrid(steps, steps)
    places = transformer.transform(*(geobox.transform @ (columns, rows)), direction="INVERSE")
    column, row = (np.floor(values).astype(int) for values in ~tile @ places)
    inside = (column >= 0) & (row >= 0) & (column < 549) & (row < 549)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    valid = inside & clear[row, column]
    ndvi = np.where(valid, (near - red)[row, column] / (near + red)[row, column], 0)
    blocks = (12, 60, 12, 60)
    share = valid.reshape(blocks).mean((1, 3))
    with np.errstate(invalid="ignore"):
        mean = ndvi.reshape(blocks).mean((1, 3)) / share
    assert bands["valid_share"] == pytest.approx(share, abs=0.02)
    assert 0.2 < share.mean() < 0.9
    known = share > 0.1
    error = np.abs(bands["ndvi"] - mean)[known].max()
    assert error < 5e-4
    assert error < 0.1 * np.ptp(mean[known])  # else the comparison says little


def test_products_of_the_same_tile_and_day_fill_each_other_the_newest_first(tmp_path, grid, read):
    west, east = full(4, dtype="uint8"), full(4, dtype="uint8")
    west[:, 15:], east[:, :9] = 0, 0
    new = write_safe(tmp_path / "new", bands={"SCL": west})
    old = write_safe(tmp_path / "old", baseline="02.12", offset=None, bands={"SCL": east, "B8A": full(5000)})
    for paths in ([new, old], [old, new]):
        observe(paths, grid, tmp_path / "out.tif", Sentinel2())
        bands, tags = read(tmp_path / "out.tif")
        assert (bands["valid_share"] == 1).all()
        other = (0.5 - 0.05) / (0.5 + 0.05)
        assert bands["ndvi"][0] == pytest.approx(
            [NDVI, NDVI, (NDVI + other) / 2, other, other], abs=1e-5
        )  # 15 columns of the new one, the rest of the old one
        assert tags["baseline"] == "05.09 02.12"


@pytest.mark.parametrize("other", [{"tile": "55GDN"}, {"time": "2023-01-07T00:01:21.000Z"}])
def test_products_of_another_tile_or_day_are_refused(tmp_path, grid, other):
    first, second = write_safe(tmp_path / "a"), write_safe(tmp_path / "b", **other)
    with pytest.raises(RasterError, match="expected products of one tile and day"):
        observe([first, second], grid, tmp_path / "out.tif", Sentinel2())


def test_a_truncated_band_leaves_no_file(tmp_path, grid):
    rng = np.random.default_rng(0)
    safe = write_safe(tmp_path, bands={"B12": rng.integers(1001, 5000, (SIDE, SIDE)).astype(np.uint16)})
    path = next(safe.rglob("*_B12_20m.jp2"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RasterError, match=path.name):
        observe([safe], grid, tmp_path / "results" / "out.tif", Sentinel2())
    assert not list((tmp_path / "results").iterdir())


def test_pixels_far_from_land_are_not_computed(tmp_path, read, monkeypatch):
    monkeypatch.setattr(module, "SIDE", 8)  # blocks of two grid pixels
    geobox = GeoBox((6, 6), Affine(80, 0, WEST, 0, -80, NORTH), CRS)
    observe([write_safe(tmp_path)], Grid(geobox, None, 2, (Tile(2, 4, 2, 2),)), tmp_path / "out.tif", Sentinel2())
    share = read(tmp_path / "out.tif")[0]["valid_share"]
    assert (share[2:4, 4:6] == 1).all()
    assert np.isfinite(share).sum() == 4


def test_a_tile_across_the_antimeridian_lands_on_a_geographic_grid(tmp_path, read):
    to_zone_1 = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32701", always_xy=True)
    x, y = to_zone_1.transform(180, -17)
    west, north = round(x) - 300.0, round(y) + 300.0
    path = write_item(
        tmp_path, properties={"grid:code": "MGRS-01KAB", "proj:epsg": 32701, **APPLIED}, described=WITHOUT
    )
    path.write_text(path.read_text().replace(f"{WEST}", f"{west}").replace(f"{NORTH}", f"{north}"))
    for file in tmp_path.glob("*.tif"):
        with rasterio.open(file) as dataset:
            values = dataset.read(1)
        write_raster(file, values, west=west, north=north, crs="EPSG:32701")
    geobox = GeoBox((4, 4), Affine(0.001, 0, 179.998, 0, -0.001, -16.998), "EPSG:4326")  # to 180.002 degrees east
    observe([path], grid_on(geobox), tmp_path / "out.tif", Sentinel2())
    bands, _ = read(tmp_path / "out.tif")
    assert bands["valid_share"] == pytest.approx(1, abs=1e-6)
    assert bands["ndvi"] == pytest.approx(NDVI, abs=1e-5)


def test_the_script_writes_the_file_of_the_rule(tmp_path, grid, read):
    write_grid(Grid(grid.geobox, tmp_path / "land.tif", 512, grid.tiles), tmp_path / "grid.json")
    rules = {
        "scl": [4, 5, 7], "cloud_probability": 90, "snow_probability": 90, "cloud_buffer": 0, "minimum_share": 0.5,
    }  # fmt: skip
    item = write_item(tmp_path / "item", properties=APPLIED, described=WITHOUT)
    output = tmp_path / "results" / "2023-01-05_55GEN.tif"
    for product in (item, [item]):
        stage({"product": product, "grid": tmp_path / "grid.json", "map": output}, {"sentinel2": rules})
        assert read(output)[0]["ndvi"] == pytest.approx(NDVI, abs=1e-5)
        output.unlink()
