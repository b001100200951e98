import json

import numpy as np
import pytest
from sentinel2_files import full, write_item

from loam.errors import RasterError
from loam.sentinel2.deliveries import open_product
from loam.sentinel2.reading import Block, ProductReader

REAL = "sentinel/s2_l2a_decimated/S2A_29RKH_20200219_0_L2A"
WITH = {"scale": 0.0001, "offset": -0.1, "nodata": 0}
WITHOUT = {"scale": 0.0001, "offset": 0, "nodata": 0}
FLAG = "earthsearch:boa_offset_applied"


def test_a_real_item_gives_tile_time_baseline_and_no_offset(shared_data):
    product = open_product(shared_data / REAL)
    assert (product.tile, product.level, product.baseline_text) == ("29RKH", "L2A", "02.14")
    assert product.time.isoformat(timespec="seconds") == "2020-02-19T11:34:25+00:00"
    assert {band.offset for band in product.bands.values()} == {0}
    assert set(product.bounds.values()) == {(199980, 2690220, 309780, 2800020)}
    with ProductReader(product) as reader:  # red comes at twice the resolution, and is averaged
        assert np.isfinite(reader.reflectance("B04", Block(0, 549, 0, 549))).mean() > 0.999


@pytest.mark.parametrize(
    ("baseline", "flag", "described", "applied", "remark"),
    [
        ("05.09", True, WITHOUT, 0, None),  # the pixels have it
        ("05.09", True, WITH, 0, "raster:bands says offset"),  # the flag wins
        ("05.09", False, WITH, -0.1, None),
        ("05.09", False, WITHOUT, -0.1, "raster:bands says offset"),
        ("05.09", False, None, -0.1, "raster:bands says offset"),
        ("05.09", None, WITH, -0.1, None),
        ("05.09", None, WITHOUT, 0, "offset of 0 without boa_offset_applied"),
        ("05.09", None, None, -0.1, "raster:bands says offset"),  # Planetary Computer
        ("04.00", None, None, -0.1, "raster:bands says offset"),
        ("03.01", None, None, 0, None),
        ("02.14", False, WITHOUT, 0, None),
        ("02.14", False, WITH, 0, "raster:bands says offset"),
        ("02.14", True, WITHOUT, 0, None),
        (None, None, WITH, -0.1, None),
        (None, None, WITHOUT, 0, None),
        (None, True, None, 0, None),
    ],
)
def test_the_offset_follows_flag_then_baseline_then_raster_bands(
    tmp_path, caplog, baseline, flag, described, applied, remark
):
    said = {"s2:processing_baseline": baseline, FLAG: flag}
    product = open_product(write_item(tmp_path, properties=said, described=described))
    assert {product.bands[band].offset for band in ("B04", "B8A", "B12")} == {applied}
    warnings = " ".join(record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert remark in warnings if remark else not warnings


def test_an_item_that_leaves_the_offset_open_is_an_error(tmp_path):
    path = write_item(tmp_path, properties={"s2:processing_baseline": None})
    with pytest.raises(RasterError, match="neither its processing baseline nor an offset"):
        open_product(path)


def test_the_baseline_is_read_from_the_products_name_where_no_property_has_it(tmp_path):
    uri = "S2A_MSIL2A_20230105T000121_N0400_R130_T55GEN_20230105T000121.SAFE"
    product = open_product(write_item(tmp_path, properties={"s2:processing_baseline": None, "s2:product_uri": uri}))
    assert product.baseline == (4, 0)


@pytest.mark.parametrize(
    ("said", "tile"),
    [
        ({"grid:code": "MGRS-29RKH"}, "29RKH"),
        ({"grid:code": None, "s2:mgrs_tile": "01CCV"}, "01CCV"),
        ({"grid:code": None, "odc:region_code": "55GDP"}, "55GDP"),
        ({"grid:code": None, "s2:product_uri": "S2A_MSIL2A_20230105T000121_N0509_R130_T56HKJ_20230105.SAFE"}, "56HKJ"),
        ({"grid:code": None}, "55GEN"),  # from the item's id
    ],
)
def test_the_tile_is_found_where_catalogues_write_it(tmp_path, said, tile):
    assert open_product(write_item(tmp_path, properties=said, described=WITH)).tile == tile


def test_stac_1_1_writes_scale_and_offset_at_the_asset(tmp_path):
    path = write_item(tmp_path)
    item = json.loads(path.read_text())
    for key in ("red", "nir08", "swir22"):
        item["assets"][key] |= {"raster:scale": 0.0002, "raster:offset": -0.1, "bands": [{"name": key}]}
    path.write_text(json.dumps(item))
    band = open_product(path).bands["B8A"]
    assert (band.scale, band.offset) == (0.0002, -0.1)


def test_assets_called_by_the_band_are_found_by_key_and_by_address(tmp_path):
    path = write_item(tmp_path, described=WITH)
    item = json.loads(path.read_text())
    names = {"red": "B04", "nir08": "B8A", "swir22": "B12", "scl": "SCL"}
    for key, band in names.items():
        item["assets"][band] = item["assets"].pop(key) | {"href": f"https://store.example/a/{band}_other.tif?key=1"}
        (tmp_path / f"{key}.tif").rename(tmp_path / (f"{band}_other.tif" if band == "SCL" else f"{band}.tif"))
    path.write_text(json.dumps(item))
    product = open_product(tmp_path)
    assert product.classes.endswith("SCL_other.tif")
    assert product.bands["B8A"].raster.endswith("B8A.tif")


def test_the_surface_reflectance_of_digital_earth_australia_is_understood(tmp_path):
    described = {"nodata": -999}
    images = {
        "nbart_red": full(500, 60, "int16"), "nbart_nir_2": full(3000, dtype="int16"),
        "nbart_swir_3": full(1000, dtype="int16"), "oa_fmask": full(1, dtype="uint8"),
    }  # fmt: skip
    said = {"odc:product": "ga_s2am_ard_3", "s2:processing_baseline": None}
    product = open_product(write_item(tmp_path, properties=said, bands=images, described=described))
    assert (product.level, product.bands["B8A"].offset, product.bands["B8A"].nodata) == ("NBART", 0, -999)
    assert product.class_codes[3] == 3  # shadow


@pytest.mark.parametrize("asset", ["red", "nir08", "swir22", "scl"])
def test_a_file_that_is_not_beside_the_item_is_named(tmp_path, asset):
    path = write_item(tmp_path)
    (tmp_path / f"{asset}.tif").unlink()
    with pytest.raises(RasterError, match="missing (B04|B8A|B12|SCL); expected beside"):
        open_product(path)


@pytest.mark.parametrize(
    ("said", "collection", "message"),
    [
        ({}, "landsat-c2-l2", "unknown processing level"),
        ({"processing:level": "L3A"}, "sentinel-2-l2a", "unknown processing level 'L3A'"),
        ({"datetime": None}, "sentinel-2-l2a", "is not a time"),
    ],
)
def test_an_item_of_another_kind_is_named(tmp_path, said, collection, message):
    path = write_item(tmp_path, properties=said, collection=collection, described=WITH)
    with pytest.raises(RasterError, match=message) as error:
        open_product(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type": "Feature"}'])
def test_json_that_is_no_item_is_named(tmp_path, text):
    path = write_item(tmp_path)
    path.write_text(text)
    with pytest.raises(RasterError, match=path.name):
        open_product(path)


def test_provenance_beside_the_item_does_not_confuse(tmp_path):
    path = write_item(tmp_path, described=WITH)
    path.with_name(f"{path.name}.provenance.json").write_text("{}")
    assert open_product(tmp_path).where == path


@pytest.mark.parametrize("said", [{"proj:epsg": 32754}, {"proj:code": "EPSG:32756"}])
def test_pixels_in_another_zone_than_the_item_are_refused(tmp_path, said):
    product = open_product(write_item(tmp_path, properties=said, described=WITH))
    with pytest.raises(RasterError, match="metadata are of another product"), ProductReader(product):
        pass


def test_pixels_elsewhere_than_the_item_says_are_refused(tmp_path):
    path = write_item(tmp_path, described=WITH)
    item = json.loads(path.read_text())
    item["assets"]["nir08"]["proj:transform"][2] += 109_800
    path.write_text(json.dumps(item))
    with pytest.raises(RasterError, match="metadata are of another product"), ProductReader(open_product(path)):
        pass
