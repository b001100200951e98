import sys
from types import ModuleType

import numpy as np
import pytest
from sentinel2_files import SIDE, box, full, mask_gml, write_item, write_raster, write_safe

from loam.config.read import checked
from loam.config.run import Run
from loam.config.sections.sentinel2 import Sentinel2
from loam.errors import ConfigError, RasterError
from loam.sentinel2 import cloudless, masks
from loam.sentinel2.cloudless import BANDS
from loam.sentinel2.deliveries import open_product
from loam.sentinel2.masks import ProductMasks
from loam.sentinel2.reading import Block, ProductReader

WHOLE = Block(0, SIDE, 0, SIDE)
REAL = "sentinel/s2_l2a_decimated/S2A_29RKH_20200219_0_L2A"


def valid(path, rules: Sentinel2 | None = None, block: Block = WHOLE) -> np.ndarray:
    with ProductReader(open_product(path)) as reader:
        return ProductMasks(reader, rules or Sentinel2()).valid(block)


def ramp(dtype: str = "uint8") -> np.ndarray:
    """Numbers of the column."""
    return np.tile(np.arange(SIDE, dtype=dtype), (SIDE, 1))


def test_a_clear_product_is_valid_everywhere(tmp_path):
    assert valid(write_safe(tmp_path)).all()


def test_of_the_scene_classes_land_in_the_clear_stays(tmp_path):
    kept = valid(write_safe(tmp_path, bands={"SCL": np.minimum(ramp(), 12)}))
    assert np.flatnonzero(kept[0]).tolist() == [4, 5, 7]


def test_the_kept_scene_classes_are_a_setting(tmp_path):
    kept = valid(write_safe(tmp_path, bands={"SCL": ramp()}), Sentinel2(scl=[6, 2]))
    assert np.flatnonzero(kept[0]).tolist() == [2, 6]


@pytest.mark.parametrize(
    ("mask", "key"), [("MSK_CLDPRB_20m.jp2", "cloud_probability"), ("MSK_SNWPRB_20m.jp2", "snow_probability")]
)
def test_a_pixel_goes_from_the_threshold_of_its_probability_on(tmp_path, mask, key):
    safe = write_safe(tmp_path, masks={mask: ramp()})
    assert np.flatnonzero(valid(safe, Sentinel2(**{key: 25}))[0]).tolist() == list(range(25))
    assert valid(safe).all()  # 90 % by default


@pytest.mark.parametrize(("flag", "spoilt"), enumerate([False, False, True, True, True, True, False, True], start=1))
def test_lost_defective_and_saturated_pixels_go_and_mended_ones_stay(tmp_path, flag, spoilt):
    flags = np.zeros((8, SIDE, SIDE), np.uint8)
    flags[flag - 1, 3, 4] = 1
    kept = valid(write_safe(tmp_path, masks={"MSK_QUALIT_B8A.jp2": flags}))
    assert kept[3, 4] != spoilt
    assert kept.sum() == SIDE * SIDE - spoilt


def test_defects_of_older_products_are_polygons(tmp_path):
    defects = {"MSK_DEFECT_B12.gml": mask_gml(("QT_DEFECTIVE_PIXELS", box(2.1, 3.1, 4.9, 5.9)))}
    kept = valid(write_safe(tmp_path, masks=defects, baseline="02.04", offset=None))
    expected = np.ones((SIDE, SIDE), bool)
    expected[3:6, 2:5] = False
    assert (kept == expected).all()


@pytest.mark.parametrize("flag", [1, 2, 3])
def test_level_1c_has_a_cloud_mask_of_60_m(tmp_path, flag):
    flags = np.zeros((3, 10, 10), np.uint8)
    flags[flag - 1, 2, 3] = 1
    kept = valid(write_safe(tmp_path, level="1C", masks={"MSK_CLASSI_B00.jp2": flags}))
    assert not kept[6:9, 9:12].any()
    assert kept.sum() == SIDE * SIDE - 9


def test_older_level_1c_has_cloud_polygons(tmp_path):
    clouds = {"MSK_CLOUDS_B00.gml": mask_gml(("OPAQUE", box(0, 0, 6, 3)), ("CIRRUS", box(20, 20, 22, 22)))}
    kept = valid(write_safe(tmp_path, level="1C", masks=clouds, baseline="02.04", offset=None))
    assert (~kept).sum() == 18 + 4


def test_an_empty_cloud_mask_of_level_1c_is_a_clear_sky(tmp_path):
    safe = write_safe(tmp_path, level="1C", masks={"MSK_CLOUDS_B00.gml": mask_gml()}, baseline="02.04", offset=None)
    assert valid(safe).all()


def test_fmask_of_digital_earth_australia_is_read_as_scene_classes(tmp_path):
    images = {
        "nbart_red": full(500, dtype="int16"), "nbart_nir_2": full(3000, dtype="int16"),
        "nbart_swir_3": full(1000, dtype="int16"), "oa_fmask": np.minimum(ramp(), 6),
    }  # fmt: skip
    path = write_item(tmp_path, properties={"odc:product": "ga_s2bm_ard_3"}, bands=images)
    assert np.flatnonzero(valid(path)[0]).tolist() == [1]
    assert np.flatnonzero(valid(path, Sentinel2(scl=[3, 6]))[0]).tolist() == [3, 5]


def test_pieces_join_whatever_block_is_asked_for(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    safe = write_safe(tmp_path, bands={"SCL": rng.integers(0, 12, (SIDE, SIDE)).astype(np.uint8)})
    whole = valid(safe)
    monkeypatch.setattr(masks, "PIECE", 7)
    assert (valid(safe) == whole).all()
    assert (valid(safe, block=Block(5, 23, 6, 8)) == whole[5:23, 6:8]).all()


def spot(value: int, elsewhere: int = 4) -> np.ndarray:
    """One pixel of another class."""
    classes = full(elsewhere, dtype="uint8")
    classes[12, 17] = value
    return classes


def disk(reach: float) -> np.ndarray:
    """Pixels whose centre is at most ``reach`` pixels from the spot's."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows - 12, columns - 17) <= reach


@pytest.mark.parametrize("code", [3, 8, 9, 10])
def test_the_buffer_takes_what_is_near_cloud_and_cloud_shadow(tmp_path, code, monkeypatch):
    safe = write_safe(tmp_path, bands={"SCL": spot(code)})
    kept = valid(safe, Sentinel2(cloud_buffer=4))
    assert (kept == ~disk(4)).all()
    assert (valid(safe) == ~disk(0)).all()  # no buffer by default
    monkeypatch.setattr(masks, "PIECE", 7)  # the spot's neighbours lie in other pieces
    assert (valid(safe, Sentinel2(cloud_buffer=4)) == kept).all()


@pytest.mark.parametrize("code", [0, 1, 2, 6, 11])
def test_what_is_no_cloud_has_no_buffer(tmp_path, code):
    assert (valid(write_safe(tmp_path, bands={"SCL": spot(code)}), Sentinel2(cloud_buffer=4)) == ~disk(0)).all()


def test_a_class_that_is_kept_is_not_buffered(tmp_path):
    assert valid(write_safe(tmp_path, bands={"SCL": spot(10)}), Sentinel2(scl=[4, 10], cloud_buffer=4)).all()


def test_every_cloud_mask_is_buffered_and_snow_is_not(tmp_path):
    probability = np.zeros((SIDE, SIDE), np.uint8)
    probability[12, 17] = 95
    clouds = write_safe(tmp_path / "a", masks={"MSK_CLDPRB_20m.jp2": probability})
    assert (valid(clouds, Sentinel2(cloud_buffer=3)) == ~disk(3)).all()
    snow = write_safe(tmp_path / "b", masks={"MSK_SNWPRB_20m.jp2": probability})
    assert (valid(snow, Sentinel2(cloud_buffer=3)) == ~disk(0)).all()
    for flag, lost in ((1, 9 + 3 * 4), (2, 9 + 3 * 4), (3, 9)):  # a square of 3 x 3 pixels, and one pixel around it
        flags = np.zeros((3, 10, 10), np.uint8)
        flags[flag - 1, 4, 5] = 1
        old = write_safe(tmp_path / str(flag), level="1C", masks={"MSK_CLASSI_B00.jp2": flags})
        assert (~valid(old, Sentinel2(cloud_buffer=1))).sum() == lost


def test_the_log_tells_which_masks_a_product_has_and_lacks(tmp_path, caplog):
    caplog.set_level("INFO")
    valid(write_safe(tmp_path, masks={"MSK_CLDPRB_20m.jp2": full(0, dtype="uint8")}))
    assert "masks SCL, cloud probability; it has no snow probability, no quality mask" in caplog.text
    valid(write_safe(tmp_path, level="1C", masks={"MSK_CLOUDS_B00.gml": mask_gml()}))
    assert "it has no cloud shadow mask, no snow mask" in caplog.text


def test_clouds_of_a_real_product_are_left_out(shared_data):
    block = Block(0, 549, 0, 549)
    with ProductReader(open_product(shared_data / REAL)) as reader:
        kept = ProductMasks(reader, Sentinel2()).valid(block)
        classes = reader.codes(reader.product.classes, block, 0)
    assert (kept == np.isin(classes, [4, 5, 7])).all()
    assert (~kept).mean() == pytest.approx(0.0406, abs=0.003)  # clouds and dark areas of the item's own statistics


@pytest.mark.parametrize(
    "wrong",
    [
        {"scl": [0, 4]},
        {"scl": [1]},
        {"scl": [12]},
        {"cloud_probability": 0},
        {"snow_probability": 101},
        {"cloud_buffer": -1},
    ],
)
def test_rules_that_make_no_sense_name_their_key(wrong):
    with pytest.raises(ConfigError, match=f"sentinel2.{next(iter(wrong))}"):
        checked(Run, {"sentinel2": wrong})


def write_bare_1c(folder):
    """A level-1C product with all bands of s2cloudless and no cloud mask; cirrus is bright in the north-west corner."""
    sides = {"B01": 10, "B09": 10, "B10": 10, "B02": 60, "B04": 60, "B08": 60}
    images = {band: full(1000 + 100 * (k + 1), sides.get(band, SIDE)) for k, band in enumerate(BANDS)}
    images["B10"][:2, :3] = 6100
    return write_safe(folder, level="1C", bands=images)


def stand_in(seen: list) -> ModuleType:
    """A classifier whose probability is the reflectance of the cirrus band, kept inside [0, 1]."""

    class Detector:
        def __init__(self, *, all_bands):
            assert all_bands is False

        def get_cloud_probability_maps(self, data):
            seen.append(data)
            return data[..., 7].clip(0, 1).astype(np.float32)

    module = ModuleType("s2cloudless")
    module.S2PixelCloudDetector = Detector
    return module


def test_level_1c_without_a_mask_is_given_to_s2cloudless(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setitem(sys.modules, "s2cloudless", stand_in(seen))
    safe = write_bare_1c(tmp_path)
    kept = valid(safe, Sentinel2(cloud_probability=50))
    assert not kept[:6, :9].any()
    assert kept.sum() == SIDE * SIDE - 54
    assert seen[0].shape == (1, 10, 10, 10)
    assert seen[0][0, 9, 9] == pytest.approx(np.arange(1, 11) / 100, abs=1e-6)  # the ten bands in order, offset applied
    assert valid(safe, Sentinel2(cloud_probability=52)).all()


def test_a_tile_whose_size_60_m_does_not_divide_has_a_cloud_map_too(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "s2cloudless", stand_in([]))
    safe = write_bare_1c(tmp_path)
    monkeypatch.setattr(cloudless, "SIDE", 4)
    monkeypatch.setattr(cloudless, "STRIP", 8)
    with ProductReader(open_product(safe)) as reader:
        found = cloudless.cloud_probability(reader)
        assert found.values.shape == (8, 8)
        assert found.percent(Block(29, 30, 27, 30)) == pytest.approx(np.full((1, 3), 8), abs=1e-4)
        assert found.percent(Block(0, 1, 3, 4)) == pytest.approx(51, abs=1e-3)


def test_unseen_pixels_of_level_1c_do_not_trouble_the_classifier(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setitem(sys.modules, "s2cloudless", stand_in(seen))
    safe = write_bare_1c(tmp_path)
    write_raster(
        next(safe.rglob("*_B01.jp2")), np.vstack([np.zeros((5, 10), np.uint16), np.full((5, 10), 2000, np.uint16)])
    )
    kept = valid(safe, Sentinel2(cloud_probability=50))
    assert np.isfinite(seen[0]).all()
    assert kept.all()  # what was not seen is left to the bands


def test_without_s2cloudless_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "s2cloudless", None)
    with pytest.raises(RasterError, match="pip install s2cloudless"):
        valid(write_bare_1c(tmp_path))


def test_s2cloudless_needs_all_its_bands(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "s2cloudless", stand_in([]))
    with pytest.raises(RasterError, match="s2cloudless reads B01, B02, B05, B08, B09, B10, B11"):
        valid(write_safe(tmp_path, level="1C"))


def test_the_real_s2cloudless_tells_cloud_from_field(tmp_path):
    pytest.importorskip("s2cloudless")
    clear = [0.12, 0.10, 0.08, 0.11, 0.28, 0.30, 0.09, 0.002, 0.24, 0.16]
    cloud = [0.62, 0.63, 0.66, 0.68, 0.72, 0.74, 0.40, 0.040, 0.55, 0.45]
    images = {}
    for band, dark, bright in zip(BANDS, clear, cloud, strict=True):
        images[band] = full(round(1000 + 10_000 * dark))
        images[band][:15] = round(1000 + 10_000 * bright)
    kept = valid(write_safe(tmp_path, level="1C", bands=images))
    assert not kept[:15].any()
    assert kept[15:].all()
