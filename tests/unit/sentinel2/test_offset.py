import numpy as np
import pytest
from sentinel2_files import NDVI, SIDE, full, write_item, write_safe

from loam.config.sections.sentinel2 import Sentinel2
from loam.sentinel2 import offset
from loam.sentinel2.deliveries import open_product
from loam.sentinel2.masks import ProductMasks
from loam.sentinel2.observe import observe
from loam.sentinel2.offset import settle_offset
from loam.sentinel2.reading import ProductReader

DENIED = {"earthsearch:boa_offset_applied": False}
WITH = {"scale": 0.0001, "offset": -0.1, "nodata": 0}
RAW = {"red": full(1500, 2 * SIDE), "nir08": full(4000), "swir22": full(2000)}  # as ESA delivers them since 04.00


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(offset, "COUNT", 100)


def settled(path) -> tuple[bool, float]:
    with ProductReader(open_product(path)) as reader:
        doubted = settle_offset(reader, ProductMasks(reader, Sentinel2()))
        return doubted, reader.product.bands["B12"].offset


def test_an_offset_that_vegetation_cannot_bear_has_been_applied_already(tmp_path, caplog):
    assert settled(write_item(tmp_path, properties=DENIED, described=WITH)) == (True, 0)
    assert "100 % of the clear pixels" in caplog.text


def test_an_offset_that_fits_the_pixels_is_applied(tmp_path, caplog):
    assert settled(write_item(tmp_path, properties=DENIED, described=WITH, bands=RAW)) == (False, -0.1)
    assert not caplog.records


def test_noise_about_zero_is_no_evidence(tmp_path):
    noise = np.random.default_rng(0).normal(1000, 60, (60, 60)).astype(np.uint16)
    assert settled(write_item(tmp_path, properties=DENIED, described=WITH, bands=RAW | {"red": noise}))[0] is False


def test_a_few_impossible_pixels_are_no_evidence(tmp_path):
    red = full(1500, 60)
    red[:2] = 500
    assert settled(write_item(tmp_path, properties=DENIED, described=WITH, bands=RAW | {"red": red}))[0] is False
    red[:6] = 500
    assert settled(write_item(tmp_path, properties=DENIED, described=WITH, bands=RAW | {"red": red}))[0] is True


def test_what_clouds_and_water_hide_is_no_evidence(tmp_path):
    images = {"scl": full(6, dtype="uint8")}
    assert settled(write_item(tmp_path, properties=DENIED, described=WITH, bands=images))[0] is False


def test_the_metadata_of_esas_own_products_are_not_doubted(tmp_path):
    assert settled(write_safe(tmp_path, bands={"B04": full(500)})) == (False, -0.1)


def test_the_file_says_that_the_offset_was_doubted(tmp_path, grid, read):
    path = write_item(tmp_path, properties=DENIED, described=WITH)
    observe([path], grid, tmp_path / "out.tif", Sentinel2())
    bands, tags = read(tmp_path / "out.tif")
    assert bands["ndvi"] == pytest.approx(NDVI, abs=1e-5)
    assert (tags["offset"], tags["offset_doubted"]) == ("0", "yes")


def test_the_sample_is_spread_over_the_tile_without_repeats():
    blocks = offset._sample((5490, 200))
    assert len(set(blocks)) == len(blocks)
    assert min(block.top for block in blocks) == 0 and max(block.bottom for block in blocks) == 5490
    assert max(block.right for block in blocks) == 200
    assert all(block.shape == (64, 64) for block in blocks)
