"""A map beside the truth: the same pixels are compared, the right day, the right layer."""

import draw_map
import numpy as np
import pandas as pd
import pyproj
import pytest
import score_map
import xarray as xr

from loam.errors import RasterError
from loam.grid import grid_like
from loam.mapping.cog import open_map
from loam.mapping.truth import paired

from .conftest import CORNER, write_tiff

LAYERS = [
    {"name": "surface", "top_cm": 0, "bottom_cm": 30, "column": "sm_0_30"},
    {"name": "subsurface", "top_cm": 30, "bottom_cm": 60, "column": "sm_30_60"},
]
NAMES = ["surface", "subsurface"]


def write_truth(path, fields, corner=CORNER):
    days = pd.DatetimeIndex(["2022-08-14", "2022-08-15"])
    height, width = fields[0].shape
    variables = {
        name: (("time", "y", "x"), np.stack([field * 0 + 9, field]), {"grid_mapping": "crs"})
        for name, field in zip(NAMES, fields, strict=True)
    }
    x, y = corner[0] + 80 * (np.arange(width) + 0.5), corner[1] - 80 * (np.arange(height) + 0.5)
    dataset = xr.Dataset(variables, coords={"time": days, "y": y, "x": x})
    dataset["crs"] = ((), np.int32(0), pyproj.CRS("EPSG:28355").to_cf())
    dataset.to_netcdf(path, engine="netcdf4")


@pytest.fixture
def files(tmp_path):
    """A map, 0.02 wetter than the truth in the surface and 0.01 drier below, with holes in both."""
    truth = np.random.default_rng(0).uniform(0.1, 0.4, (2, 30, 40)).astype(np.float32)
    truth[:, 0] = np.nan
    write_truth(tmp_path / "truth.nc", truth)
    grid = grid_like(write_tiff(tmp_path / "land.tif", np.ones((30, 40), np.float32)), 64)
    mapped = np.arange(0, 1200, 3)
    means = np.stack([truth[0] + 0.02, truth[1] - 0.01], axis=-1).reshape(-1, 2)[mapped]
    means = np.where(np.isnan(means), 0.3, means)
    bands = [f"{name}_{statistic}" for statistic in ("mean", "std") for name in NAMES]
    with open_map(tmp_path / "map.tif", grid, bands, {}) as output:
        output.write(grid.tiles[0], mapped, np.concatenate([means, np.full_like(means, 0.05)], axis=1))
    return {"map": tmp_path / "map.tif", "truth": tmp_path / "truth.nc", "folder": tmp_path}


def test_scores_are_those_of_the_pixels_that_both_have(files):
    paths = {**files, "score": files["folder"] / "score.csv"}
    score_map.stage(paths, {"layers": LAYERS, "date": "2022-08-15"})
    score = pd.read_csv(paths["score"], index_col="layer")
    assert score.index.tolist() == NAMES
    assert (score["n"] == len(np.arange(0, 1200, 3)) - len(np.arange(0, 40, 3))).all()
    assert np.allclose(score["bias"], [0.02, -0.01], atol=1e-6)
    assert np.allclose(score["mae"], [0.02, 0.01], atol=1e-6)
    assert np.allclose(score["ubrmse"], 0, atol=1e-6)
    assert np.allclose(score["r"], 1)
    assert np.allclose(score["std_mean"], 0.05)


def test_a_truth_that_does_not_fit_the_map_is_refused(files):
    with pytest.raises(RasterError, match="has no 2022-08-20"):
        list(paired(files["map"], files["truth"], NAMES, "2022-08-20"))
    with pytest.raises(RasterError, match="has no variable deep"):
        list(paired(files["map"], files["truth"], ["deep"], "2022-08-15"))
    write_truth(files["folder"] / "moved.nc", np.ones((2, 30, 40), np.float32), (CORNER[0] + 40, CORNER[1]))
    with pytest.raises(RasterError, match="has another grid than the map"):
        list(paired(files["map"], files["folder"] / "moved.nc", NAMES, "2022-08-15"))
    write_truth(files["folder"] / "none.nc", np.full((2, 30, 40), np.nan, np.float32))
    with pytest.raises(RasterError, match="shares no pixel"):
        list(paired(files["map"], files["folder"] / "none.nc", NAMES, "2022-08-15"))


def test_the_map_is_drawn(files):
    paths = {"map": files["map"], "picture": files["folder"] / "map.png"}
    draw_map.stage(paths, {"layers": LAYERS, "run": "test", "date": "2022-08-15"})
    assert paths["picture"].read_bytes().startswith(b"\x89PNG")
