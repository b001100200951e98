import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from sentinel2_files import CRS, SIDE, WEST, full, write_item, write_raster, write_safe, zipped

from loam.errors import RasterError
from loam.sentinel2.deliveries import open_product
from loam.sentinel2.reading import Block, ProductReader, parts

WHOLE = Block(0, SIDE, 0, SIDE)
PLAIN = {"scale": 0.0001, "offset": 0, "nodata": 0}


def coded(side: int) -> np.ndarray:
    """Numbers that differ from pixel to pixel."""
    return np.arange(1, side * side + 1, dtype=np.uint16).reshape(side, side)


def test_a_block_is_the_same_window_of_every_band(tmp_path):
    product = open_product(write_safe(tmp_path, bands={"B8A": coded(SIDE), "B12": coded(SIDE)}, offset=None))
    with ProductReader(product) as reader:
        block = Block(7, 12, 20, 29)
        expected = coded(SIDE)[7:12, 20:29] * 1e-4
        assert reader.reflectance("B8A", block) == pytest.approx(expected, abs=1e-6)
        assert reader.reflectance("B12", block) == pytest.approx(expected, abs=1e-6)
        assert reader.transform_of(block) @ (0, 0) == (WEST + 400, 5_400_000 - 140)


def test_pixels_of_10_m_are_averaged_and_missing_where_one_of_them_is(tmp_path):
    red = coded(2 * SIDE)
    red[1, 1] = 0
    path = write_item(
        tmp_path, bands={"red": red}, described=PLAIN, properties={"earthsearch:boa_offset_applied": True}
    )
    with ProductReader(open_product(path)) as reader:
        values = reader.reflectance("B04", WHOLE)
        assert np.isnan(values[0, 0])
        assert np.isfinite(values).sum() == SIDE * SIDE - 1
        assert values[3, 5] == pytest.approx(red[6:8, 10:12].mean() * 1e-4)
        assert reader.reflectance("B04", Block(3, 4, 5, 6)).item() == pytest.approx(values[3, 5])


def test_pixels_of_60_m_are_repeated_wherever_the_block_begins(tmp_path):
    coarse = np.arange(100, dtype=np.uint8).reshape(10, 10)
    expected = coarse.repeat(3, 0).repeat(3, 1)
    product = open_product(write_safe(tmp_path))
    raster = str(write_raster(tmp_path / "coarse.tif", coarse))
    with ProductReader(product) as reader:
        for block in (WHOLE, Block(1, 2, 1, 2), Block(4, 17, 8, 30), Block(29, 30, 0, 4)):
            rows, columns = slice(block.top, block.bottom), slice(block.left, block.right)
            assert (reader.codes(raster, block, 0) == expected[rows, columns]).all()


def test_a_flag_in_any_part_of_a_pixel_spoils_it(tmp_path):
    flags = np.zeros((8, 2 * SIDE, 2 * SIDE), np.uint8)
    flags[4, 11, 20], flags[5, 30, 31], flags[0, 0, 0] = 1, 1, 1
    raster = str(write_raster(tmp_path / "flags.jp2", flags))
    with ProductReader(open_product(write_safe(tmp_path))) as reader:
        assert np.argwhere(reader.flagged(raster, WHOLE, (5, 6))).tolist() == [[5, 10], [15, 15]]
        assert np.argwhere(reader.flagged(raster, Block(4, 9, 10, 13), (5, 6))).tolist() == [[1, 0]]
        assert np.argwhere(reader.flagged(raster, WHOLE, (1, 99))).tolist() == [[0, 0]]


def test_blocks_are_cut_without_gap_or_overlap():
    block, count = Block(3, 23, 10, 31), np.zeros((40, 40), int)
    for part in parts(block, 8, 16):
        count[part.top : part.bottom, part.left : part.right] += 1
    assert (count[3:23, 10:31] == 1).all()
    assert count.sum() == 20 * 21


def test_a_mask_finer_than_the_bands_is_refused_where_codes_are_wanted(tmp_path):
    raster = str(write_raster(tmp_path / "fine.tif", full(0, 2 * SIDE, "uint8")))
    with ProductReader(open_product(write_safe(tmp_path))) as reader, pytest.raises(RasterError, match="finer"):
        reader.codes(raster, WHOLE, 0)


@pytest.mark.parametrize("cut", [0.1, 0.6, 0.98])
@pytest.mark.parametrize("suffix", [".jp2", ".tif"])
def test_a_truncated_band_is_named(tmp_path, cut, suffix):
    rng = np.random.default_rng(0)
    noise = rng.integers(1001, 5000, (SIDE, SIDE)).astype(np.uint16)
    product = open_product(
        write_safe(tmp_path, bands={"B12": noise})
        if suffix == ".jp2"
        else write_item(tmp_path, bands={"swir22": noise}, described=PLAIN)
    )
    path = product.bands["B12"].raster
    with open(path, "rb+") as file:  # noqa: PTH123
        file.truncate(int(cut * file.seek(0, 2)))
    name = path.rpartition("/")[2]
    with (
        ProductReader(product) as reader,
        pytest.raises(RasterError, match=f"{name}: .*(cannot be read|no place on Earth).*fetch"),
    ):
        reader.reflectance("B12", WHOLE)


def test_a_zip_damaged_inside_a_band_is_named(tmp_path):
    rng = np.random.default_rng(0)
    path = zipped(write_safe(tmp_path, bands={"B12": rng.integers(1001, 5000, (SIDE, SIDE)).astype(np.uint16)}))
    content = bytearray(path.read_bytes())
    at = content.find(b"B12_20m.jp2") + 1200
    content[at : at + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(RasterError, match=f"{path.name}.*B12_20m.jp2: cannot be unpacked"):  # GDAL would not notice
        open_product(path)


@pytest.mark.parametrize(
    "place",
    [
        {"west": WEST + 20},
        {"north": 5_400_020},
        {"values": full(1, 29)},
        {"values": full(1, 45)},
        {"crs": "EPSG:32754"},
    ],
)
@pytest.mark.parametrize("promised", [True, False])
def test_bands_that_do_not_share_the_tile_are_named(tmp_path, place, promised):
    path = write_item(tmp_path, described=PLAIN)
    if not promised:
        path.write_text(path.read_text().replace("proj:transform", "transform"))
    product = open_product(path)
    place = dict(place)
    values = place.pop("values", full(1))
    write_raster(tmp_path / "swir22.tif", values, **place)
    with (
        ProductReader(product) as reader,
        pytest.raises(RasterError, match=r"swir22\.tif: .*(do not fit|as the metadata say)"),
    ):
        reader.reflectance("B12", WHOLE)


def test_a_band_that_is_no_raster_is_named(tmp_path):
    product = open_product(write_item(tmp_path, described=PLAIN))
    (tmp_path / "nir08.tif").write_text("<html>not found</html>")
    with pytest.raises(RasterError, match=r"nir08\.tif: cannot be read as a raster"), ProductReader(product):
        pass


def test_pixels_in_another_zone_than_the_tiles_are_refused(tmp_path):
    safe = write_safe(tmp_path)
    path = next(safe.rglob("*_B8A_20m.jp2"))
    write_raster(path, full(4000), crs="EPSG:32754")
    with pytest.raises(RasterError, match=f"lies in .*54S; expected {CRS}"), ProductReader(open_product(safe)):
        pass


def cut(path, key: str, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    """Cut an asset of an item to a window of its own pixels, as acquire does."""
    item = json.loads(path.read_text())
    file = path.with_name(f"{key}.tif")
    with rasterio.open(file) as dataset:
        profile, values = dataset.profile, dataset.read(1)[slice(*rows), slice(*columns)]
        transform = dataset.transform @ Affine.translation(columns[0], rows[0])
    profile.update(height=values.shape[0], width=values.shape[1], transform=transform)
    file.unlink()
    with rasterio.open(file, "w", **profile) as dataset:
        dataset.write(values, 1)
    item["assets"][key] |= {"proj:shape": list(values.shape), "proj:transform": list(transform)[:6]}
    path.write_text(json.dumps(item))


def test_bands_cut_to_a_region_each_on_its_own_pixels_are_brought_together(tmp_path):
    said = {"earthsearch:boa_offset_applied": True}
    images = {"red": coded(2 * SIDE), "nir08": coded(SIDE), "scl": (coded(SIDE) % 200).astype(np.uint8)}
    path = write_item(tmp_path, properties=said, bands=images, described=PLAIN)
    cut(path, "red", (13, 50), (7, 44))  # 20 m rows 6.5 to 25, columns 3.5 to 22
    cut(path, "nir08", (5, 27), (2, 24))
    cut(path, "scl", (8, 20), (0, 30))
    with ProductReader(open_product(path)) as reader:
        block = Block(0, 22, 0, 22)  # of band 8A as it was cut
        assert reader.geobox.shape == (22, 22)
        assert reader.reflectance("B8A", block) == pytest.approx(images["nir08"][5:27, 2:24] * 1e-4, abs=1e-6)
        red = np.full((SIDE, SIDE), np.nan)
        red[7:25, 4:22] = images["red"].reshape(SIDE, 2, SIDE, 2).mean((1, 3))[7:25, 4:22] * 1e-4
        assert reader.reflectance("B04", block) == pytest.approx(red[5:27, 2:24], abs=1e-6, nan_ok=True)
        classes = np.zeros((SIDE, SIDE), int)
        classes[8:20] = images["scl"][8:20]
        assert (reader.codes(reader.product.classes, block, 0) == classes[5:27, 2:24]).all()
        assert (reader.codes(reader.product.classes, Block(18, 22, 3, 9), 0) == 0).all()  # beyond it altogether
        small = Block(3, 11, 20, 22)
        assert reader.reflectance("B04", small) == pytest.approx(red[8:16, 22:24], abs=1e-6, nan_ok=True)


def test_pixels_of_60_m_cut_anywhere_are_repeated_in_their_place(tmp_path):
    coarse = np.arange(100, dtype=np.uint8).reshape(10, 10)
    path = write_item(tmp_path, bands={"cloud": coarse}, described=PLAIN)
    cut(path, "cloud", (2, 8), (1, 9))
    cut(path, "nir08", (4, 29), (4, 29))
    expected = np.full((10, 10), 100, np.uint8)
    expected[2:8, 1:9] = coarse[2:8, 1:9]
    expected = expected.repeat(3, 0).repeat(3, 1)[4:29, 4:29]
    with ProductReader(open_product(path)) as reader:
        assert (reader.codes(reader.product.cloud_probability, Block(0, 25, 0, 25), 100) == expected).all()
