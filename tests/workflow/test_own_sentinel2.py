"""Sentinel-2 products of one's own: a zip and a SAFE folder of two tiles that overlap become one day of the cube."""

import re

import numpy as np
import pytest
import rasterio
import xarray as xr
from sentinel2_files import CRS, NDVI, NORTH, WEST, full, write_safe, zipped

TIME = "2023-01-05T00:01:21.000Z"
ROWS, COLUMNS, SHIFT = 7, 11, 4  # pixels of 80 m; those that the eastern tile begins after the western
OTHER_NDVI = (0.40 - 0.05) / (0.40 + 0.05)  # of B8A 5000 with the offset of -1000


@pytest.fixture(scope="module")
def checkout(copy_project, project, tmp_path_factory):
    """The western tile as a zip: cloud over the left half of column 5 and over column 6; the eastern one as a folder,
    clear, its leaves denser. Both tiles are 7.5 pixels wide."""
    folder = tmp_path_factory.mktemp("own")
    products = folder / "my-sentinel2"
    classes = full(4, dtype="uint8")
    classes[:, 20:22] = classes[:, 24:28] = 9
    west = write_safe(folder / "unpacked", time=TIME, tile="55GEN", bands={"SCL": classes})
    products.mkdir()
    zipped(west).rename(products / f"{west.stem}.zip")
    write_safe(products, time=TIME, tile="55GEP", west=WEST + 80 * SHIFT, bands={"B8A": full(5000)})
    bounds = [WEST, NORTH - 80 * ROWS, WEST + 80 * COLUMNS, NORTH]
    config = {
        "run": "own",
        "acquire": {
            "period": {"target": ["2023-01-01", "2023-01-31"]}, "local": {"sentinel2": str(products)},
            "sentinel2": {"dataset": "sentinel2", "back_end": "local"},
        },
        "sentinel2": {"minimum_share": 0.4, "cloud_buffer": 0},
        "mapping": {"grid": {"crs": CRS, "bounds": bounds, "resolution": 80}},
    }  # fmt: skip
    checkout = copy_project(project, folder / "loam", config)
    for target in ("scenes", "cube"):
        result = checkout.snakemake(target)
        assert result.returncode == 0, result.stderr[-4000:]
    return checkout


def test_each_tile_becomes_a_file_of_indices_on_the_runs_pixels(checkout):
    found = {}
    for tile in ("55GEN", "55GEP"):
        path = checkout.folder / "results" / "own" / "sentinel2" / f"2023-01-05_{tile}.tif"
        with rasterio.open(path) as file:
            bands = dict(zip(file.descriptions, file.read(), strict=True))
            assert file.shape == (ROWS, COLUMNS) and file.tags()["products"].startswith("S2A_MSIL2A_20230105")
        found[tile] = bands["ndvi"], bands["valid_share"]
    west, east = found["55GEN"], found["55GEP"]
    half = COLUMNS - SHIFT
    assert west[1] == pytest.approx(np.tile([1, 1, 1, 1, 1, 0.5, 0, 0.5, 0, 0, 0], (ROWS, 1)))
    assert east[1] == pytest.approx(np.tile([0] * SHIFT + [1] * half, (ROWS, 1)))
    assert np.isnan(west[0][:, [6, 8, 9, 10]]).all() and west[0][:, [0, 4, 5, 7]] == pytest.approx(NDVI, abs=1e-5)
    assert np.isnan(east[0][:, :SHIFT]).all() and east[0][:, SHIFT:] == pytest.approx(OTHER_NDVI, abs=1e-5)


def test_the_cube_holds_the_day_once_merged_by_valid_share(checkout):
    store = checkout.folder / "results" / "own" / "covariates" / "dynamic" / "2023-01.zarr"
    with xr.open_zarr(store, group="sentinel2", consolidated=False) as data:
        assert data["time"].to_numpy().astype("datetime64[D]").astype(str).tolist() == ["2023-01-05"]
        merged = data["ndvi"].to_numpy()[0]
    both, cloudy = (NDVI + OTHER_NDVI) / 2, (0.5 * NDVI + OTHER_NDVI) / 1.5
    expected = [NDVI] * SHIFT + [both, cloudy, OTHER_NDVI, cloudy] + [OTHER_NDVI] * 3
    np.testing.assert_allclose(merged, np.tile(expected, (ROWS, 1)), atol=1e-5)


def test_another_cloud_buffer_makes_the_indices_anew_and_the_month_they_are_in(checkout):
    config = {**checkout.config, "sentinel2": {**checkout.config["sentinel2"], "cloud_buffer": 2}}
    result = checkout.snakemake("cube", "--dry-run", config=config)
    assert result.returncode == 0, result.stderr
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", result.stdout + result.stderr, flags=re.M))
    assert jobs == {"index_sentinel2": "2", "build_dynamic": "1", "cube": "1", "total": "4"}
