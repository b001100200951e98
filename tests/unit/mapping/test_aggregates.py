"""Maps of several days, by hand."""

import numpy as np
import pytest
import rasterio

from loam.config.map_bands import band_names
from loam.errors import RasterError
from loam.mapping.aggregates import against_record, mean_map
from loam.mapping.contents import ENCODED
from loam.raster.cog import open_map
from loam.raster.grid import grid_like

LAYERS = ["surface"]


@pytest.fixture
def grid(region):
    return grid_like(region["land"], 32)


@pytest.fixture
def written(grid, tmp_path):
    """``written(day, mean, without)``: a map of one moisture, without a value at the pixels of some tile positions."""

    def write(day, mean, without=(), on=grid):
        path = tmp_path / day / "soil_moisture.tif"
        path.parent.mkdir()
        with open_map(path, on, band_names(LAYERS), {"day": day}, ENCODED["int16"]) as output:
            for number, tile in enumerate(on.tiles):
                pixel = np.setdiff1d(np.arange(tile.height * tile.width), without if number == 0 else ())
                values = np.full((len(pixel), len(band_names(LAYERS))), 0.01)
                values[:, 0] = mean
                output.write(tile, pixel, values)
        return path

    return write


def bands(path):
    with rasterio.open(path) as dataset:
        assert dataset.tags()["run"] == "r"
        read = dataset.read(masked=True).astype(float) * np.array(dataset.scales)[:, None, None]
        return dict(zip(dataset.descriptions, read.filled(np.nan), strict=True))


def test_a_mean_is_over_the_days_with_a_value_at_each_pixel(written, grid, tmp_path):
    maps = [
        written("2022-06-01", 0.1),
        written("2022-06-02", 0.2, without=[0, 1]),
        written("2022-06-03", 0.3, without=[1]),
    ]
    every = written("2022-06-04", 0.4, without=[1])
    mean_map([*maps[1:], every], LAYERS, grid, tmp_path / "m.tif", tmp_path / "d.tif", {"run": "r"}, "int16")
    mean, days = bands(tmp_path / "m.tif"), bands(tmp_path / "d.tif")["surface_days"]
    assert mean["surface_mean"][0, :3] == pytest.approx([0.35, np.nan, 0.3], nan_ok=True, abs=1e-6)
    assert mean["surface_std"][0, 2] == pytest.approx(0.01)
    assert days[0, 0] == 2 and np.isnan(days[0, 1]) and days[0, 2] == 3


def test_a_day_is_told_apart_from_its_record(written, grid, tmp_path):
    record = [written(f"2022-06-0{day}", mean) for day, mean in zip(range(1, 5), (0.1, 0.2, 0.2, 0.4), strict=True)]
    against_record(record[1], record, LAYERS, grid, tmp_path / "a.tif", tmp_path / "p.tif", {"run": "r"})
    anomaly, percentile = bands(tmp_path / "a.tif")["surface_anomaly"], bands(tmp_path / "p.tif")["surface_percentile"]
    assert anomaly[0, 0] == pytest.approx(0.2 - 0.225, abs=6e-4)
    assert percentile[0, 0] == 50  # one drier, one as wet counted half, of three


def test_a_pixel_without_another_day_has_no_record(written, grid, tmp_path):
    record = [written("2022-06-01", 0.1), written("2022-06-02", 0.2, without=[0])]
    against_record(record[0], record, LAYERS, grid, tmp_path / "a.tif", tmp_path / "p.tif", {"run": "r"})
    anomaly, percentile = bands(tmp_path / "a.tif")["surface_anomaly"], bands(tmp_path / "p.tif")["surface_percentile"]
    assert np.isnan(anomaly[0, 0]) and np.isnan(percentile[0, 0]) and percentile[0, 1] == 0


def test_a_map_without_the_band_or_of_another_grid_is_refused(written, grid, tmp_path):
    path = written("2022-06-01", 0.1)
    with pytest.raises(RasterError, match="no band deep_mean, deep_std"):
        mean_map([path], ["deep"], grid, tmp_path / "m.tif", tmp_path / "d.tif", {}, "int16")
    with rasterio.open(path) as dataset:
        profile, data = dataset.profile, dataset.read()
    other = tmp_path / "other.tif"
    with rasterio.open(
        other, "w", **profile | {"transform": profile["transform"] * profile["transform"].translation(1, 0)}
    ) as dataset:
        dataset.write(data)
    with pytest.raises(RasterError, match="another grid"):
        mean_map([other], LAYERS, grid, tmp_path / "m.tif", tmp_path / "d.tif", {}, "int16")
    assert not (tmp_path / "m.tif").exists()
