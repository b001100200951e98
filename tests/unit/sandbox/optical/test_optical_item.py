"""Synthetic Sentinel-2 items, read by the chain that reads the real ones."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.config.sections.sentinel2 import Sentinel2
from loam.raster.grid import grid_like
from loam.sandbox.optical import optical_item as optical_product
from loam.sandbox.optical.optical_item import Land, ndvi_of, write_item
from loam.sandbox.optical.tile import Sight
from loam.sentinel2.deliveries import open_product
from loam.sentinel2.observe import observe

GEOBOX = GeoBox((60, 70), Affine(80, 0, 540_000, 0, -80, 5_340_000), "EPSG:28355")
CODES = {"PAST": 1, "FORE": 2, "AGRI": 3, "SAVA": 4, "IRRI": 5}
ROW, COLUMN = np.indices(GEOBOX.shape)


def land(moisture: float = 0.2) -> Land:
    cover = (1 + (ROW // 6 + COLUMN // 8) % 5).astype(np.uint8)
    leaves = 0.5 + 0.45 * np.sin(ROW / 7) * np.cos(COLUMN / 9)
    cover[:5, :6], leaves[:5, :6] = 0, np.nan
    return Land(GEOBOX, ndvi_of(leaves, cover, CODES), leaves, np.where(cover > 0, moisture, np.nan), cover, CODES)


SIGHT = Sight("S2A_T55GEP_20200113T003929_L2A_0A0A", "S2A", datetime(2020, 1, 13, 0, 39, 29), "55GEP")


def make(folder: Path, cloud_cover: float, seed: int = 1, moisture: float = 0.2) -> Path:
    path = folder / "item" / f"{SIGHT.name}.json"
    write_item(SIGHT, land(moisture), path, seed=seed, cloud_cover=cloud_cover)
    return path


def observed(item: Path, folder: Path) -> np.ndarray:
    with rasterio.open(
        folder / "grid.tif", "w", driver="GTiff", height=60, width=70, count=1, dtype="uint8", crs="EPSG:28355",
        transform=GEOBOX.transform,
    ) as dataset:  # fmt: skip
        dataset.write(np.ones(GEOBOX.shape, np.uint8), 1)
    observe([item], grid_like(folder / "grid.tif", 64), folder / "day.tif", Sentinel2())
    with rasterio.open(folder / "day.tif") as dataset:
        return dataset.read()


def band(item: Path, name: str) -> np.ndarray:
    with rasterio.open(item.with_name(f"{name}.tif")) as dataset:
        return dataset.read(1)


@pytest.fixture(autouse=True)
def small_clouds(monkeypatch):
    """Clouds that are small against the small region."""
    monkeypatch.setattr(optical_product, "CLOUD_LENGTH", 1500.0)


@pytest.mark.parametrize("cloud_cover", [0.0, 40.0])
def test_the_chain_gives_back_the_ndvi_where_it_is_clear(tmp_path, cloud_cover):
    ndvi, _, share = observed(make(tmp_path, cloud_cover), tmp_path)
    truth = land().ndvi
    clear = (share > 0.999) & np.isfinite(truth)
    assert clear.mean() > 0.1
    assert ndvi[clear] == pytest.approx(truth[clear], abs=0.01)
    assert np.isnan(ndvi[share == 0]).all()


def test_ndvi_rises_with_leaves_to_that_of_the_cover():
    cover = np.full((1, 5), 2)
    ndvi = ndvi_of(np.linspace(0, 1, 5)[None], cover, CODES)
    assert (np.diff(ndvi) > 0).all()
    assert ndvi[0, [0, -1]] == pytest.approx([0.14, 0.90])


def test_the_item_says_what_real_ones_do(tmp_path):
    product = open_product(make(tmp_path, 30.0))
    assert (product.level, product.tile, product.baseline) == ("L2A", "55GEP", (5, 9))
    assert product.bands["B8A"].offset == -0.1
    assert product.crs == "EPSG:32755"
    assert product.time.isoformat() == "2020-01-13T00:39:29+00:00"
    assert product.cloud_probability.endswith("CLOUD.tif")


def test_clouds_and_their_shadows_are_told(tmp_path):
    item = make(tmp_path, 50.0)
    classes, probability, red = band(item, "SCL"), band(item, "CLOUD"), band(item, "B04").astype(float) * 1e-4 - 0.1
    cloud, shadow, clear = np.isin(classes, (8, 9)), classes == 3, np.isin(classes, (4, 5, 7))
    assert 0.2 < cloud[classes > 0].mean() < 0.8
    assert (probability[cloud] >= 40).all()
    assert (probability[clear | shadow] == 0).all()
    assert red[cloud].mean() > red[clear].mean() + 0.15 > red[shadow].mean() + 0.15


def test_off_land_is_water(tmp_path):
    classes, near = (band(make(tmp_path, 0.0), name) for name in ("SCL", "B8A"))
    assert (classes == 6).sum() == 30 * 16
    assert near[classes == 6].mean() == pytest.approx(1200, abs=10)


def test_the_cloud_cover_is_as_told_in_the_mean(tmp_path):
    found = []
    for seed in range(8):
        classes = band(make(tmp_path, 40.0, seed=seed), "SCL")
        found.append(np.isin(classes, (8, 9))[classes > 0].mean())
    assert np.mean(found) == pytest.approx(0.4, abs=0.12)


def test_shadows_fall_away_from_the_sun(tmp_path):
    classes = band(make(tmp_path, 40.0), "SCL")
    cloud, shadow = np.isin(classes, (8, 9)), classes == 3

    # in a Tasmanian summer morning the sun is in the north-east, and so is the cloud of a shadow
    def beside(down: int, across: int) -> float:
        moved = np.roll(cloud, (-down, -across), (0, 1))
        return moved[40:-40, 40:-40][shadow[40:-40, 40:-40]].mean()

    assert beside(-15, 35) > beside(15, -35) + 0.3


def test_wet_soil_is_darker_in_the_short_wave_infrared(tmp_path):
    dry, wet = (band(make(tmp_path / name, 0.0, moisture=value), "B12") for name, value in (("d", 0.05), ("w", 0.4)))
    there = band(tmp_path / "d" / "item" / f"{SIGHT.name}.json", "SCL") == 7
    assert (dry[there].astype(int) - wet[there]).mean() > 300


def test_same_seed_same_bytes(tmp_path):
    one, again = make(tmp_path / "a", 50.0), make(tmp_path / "b", 50.0)
    for name in ("B04.tif", "SCL.tif", "CLOUD.tif", one.name):
        assert one.with_name(name).read_bytes() == again.with_name(name).read_bytes()


def test_same_numbers_whatever_the_blocks(tmp_path, monkeypatch):
    one, other = make(tmp_path / "a", 50.0), make(tmp_path / "c", 50.0, seed=2)
    monkeypatch.setattr(optical_product, "BLOCK", 96)
    again = make(tmp_path / "b", 50.0)
    for name in ("B04", "B8A", "B12", "SCL", "CLOUD"):
        assert (band(one, name) == band(again, name)).all()
    assert (band(one, "SCL") != band(other, "SCL")).any()
