"""Shares of bad and good pixels by class and reason, on a map whose errors are known."""

import netCDF4
import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import CRS

from loam.errors import RasterError
from loam.trust.against_truth import LOWEST, trust_against_truth

DAY = "2022-08-15"
ERRORS = np.array([[0.0, 0.01, 0.2, 0.3], [0.02, 0.07, 0.12, np.nan]])
CLASSES = np.array([[0, 1, 2, 3], [0, 1, 2, 255]])
ORGANIC = np.array([[0, 0, 0, 1], [0, 0, 0, 255]])
INDEX = np.array([[10, 20, 90, 120], [30, 55, 40, 255]])


def write(path, bands, dtype, shift=0, nodata=None):
    profile = {"driver": "GTiff", "dtype": dtype, "count": len(bands), "height": 2, "width": 4, "crs": "EPSG:28355",
               "transform": Affine(80, 0, 540_000 + shift, 0, -80, 5_360_000), "nodata": nodata}  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(np.stack(list(bands.values())).astype(dtype))
        dataset.descriptions = tuple(bands)
    return path


@pytest.fixture
def files(tmp_path):
    grades = {"inside_training_range": CLASSES < 1, "class": CLASSES, "reasons_inputs": CLASSES * 0,
              "reasons_place": ORGANIC, "dissimilarity": INDEX}  # fmt: skip
    truth = tmp_path / "truth.nc"
    with netCDF4.Dataset(truth, "w") as file:
        for name, size in (("time", 1), ("y", 2), ("x", 4)):
            file.createDimension(name, size)
        file.createVariable("crs", "i4").setncatts(CRS("EPSG:28355").to_cf())
        for name, values in (("time", [19219]), ("y", 5_360_000 - 40 - 80 * np.arange(2)),
                             ("x", 540_040 + 80 * np.arange(4))):  # fmt: skip
            file.createVariable(name, "f8", (name,))[:] = values
        file["time"].setncatts({"standard_name": "time", "units": "days since 1970-01-01", "calendar": "standard"})
        for axis in "yx":
            file[axis].setncatts({"standard_name": f"projection_{axis}_coordinate", "units": "m"})
        moisture = file.createVariable("surface", "f4", ("time", "y", "x"), fill_value=np.float32(np.nan))
        moisture.setncatts({"units": "m3 m-3", "grid_mapping": "crs"})
        moisture[0] = 0.3
    return (
        write(tmp_path / "map.tif", {"surface_std": ERRORS * 0, "surface_mean": 0.3 + ERRORS}, "float32"),
        write(tmp_path / "trust.tif", grades, "uint8", nodata=255), truth,
    )  # fmt: skip


def test_shares_are_those_of_the_bad_and_the_good_pixels(files):
    table = trust_against_truth(*files, ["surface"], DAY).set_index("name")
    assert table.loc[LOWEST, ["n", "bad", "good"]].tolist() == [3, 1, 0]
    assert table.loc["use", ["n", "bad"]].tolist() == [2, 0] and table.loc["use", "good"] == pytest.approx(2 / 3)
    assert table.loc["organic_soil", "bad"] == pytest.approx(1 / 3) and table.loc["organic_soil", "n"] == 1
    assert table.loc["organic_soil", "rmse"] == pytest.approx(0.3, abs=1e-6)
    assert table.loc["dissimilarity > 80 %", ["all", "bad"]].tolist() == pytest.approx([2 / 7, 2 / 3])
    assert "frozen" not in table.index


def test_files_of_other_grids_are_refused(files, tmp_path):
    grades = {"class": CLASSES, "reasons_inputs": CLASSES, "reasons_place": CLASSES, "dissimilarity": INDEX}
    other = write(tmp_path / "other.tif", grades, "uint8", shift=80)
    with pytest.raises(RasterError, match="other.tif: has another grid than the map"):
        trust_against_truth(files[0], other, files[2], ["surface"], DAY)


def test_a_map_without_a_value_is_refused(files, tmp_path):
    bare = write(tmp_path / "bare.tif", {"surface_mean": ERRORS * np.nan}, "float32")
    with pytest.raises(RasterError, match="bare.tif: shares no pixel with the truth"):
        trust_against_truth(bare, *files[1:], ["surface"], DAY)
