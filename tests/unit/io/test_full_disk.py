"""Every format on a disk of 2 MB that is really full, on a read-only one and in a folder that forbids writing.

One error with the path, and nothing half-written.
"""

import os
import shutil
import subprocess
import sys

import netCDF4
import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from safetensors.numpy import save

from loam.covariates.store import atomic_store
from loam.errors import StorageError
from loam.io.atomic import atomic_path
from loam.mapping.contents import ENCODED
from loam.raster.cog import open_map
from loam.raster.grid import Grid, Tile

SIDE = 800  # pixels of four bytes: 2.6 MB
VALUES = np.random.default_rng(0).random((SIDE, SIDE)).astype("float32")  # does not compress


@pytest.fixture
def disk(tmp_path):
    """``disk(options)`` mounts a disk in memory and gives its folder."""
    folder = tmp_path / "disk"

    def mount(options):
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "none", folder]
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode:
            folder.rmdir()
            pytest.skip(f"a small disk cannot be mounted here ({made.stderr.decode().strip()})")
        return folder

    yield mount
    if folder.exists():
        subprocess.run(["umount", "--lazy", folder], check=True)  # libraries may still hold a file


def write_netcdf(path):
    with atomic_path(path) as temporary, netCDF4.Dataset(temporary, "w") as file:
        file.createDimension("y", SIDE)
        file.createDimension("x", SIDE)
        file.createVariable("a", "f4", ("y", "x"))[:] = VALUES


def write_geotiff(path):
    profile = {"width": SIDE, "height": SIDE, "count": 1, "dtype": "float32", "crs": "EPSG:32755"}
    with (
        atomic_path(path) as temporary,
        rasterio.open(temporary, "w", transform=Affine(80, 0, 0, 0, -80, 0), **profile) as file,
    ):
        file.write(VALUES, 1)


def write_map(path):
    geobox, tile = GeoBox((SIDE, SIDE), Affine(80, 0, 0, 0, -80, 0), "EPSG:32755"), Tile(0, 0, SIDE, SIDE)
    with open_map(path, Grid(geobox, path, SIDE, (tile,)), ["a"], {}, ENCODED["float32"]) as file:
        file.write(tile, np.arange(SIDE**2), VALUES.reshape(-1, 1))


def write_store(path):
    with atomic_store(path) as group:
        group.create_array("a", shape=VALUES.shape, dtype="f4", chunks=(100, 100))[:] = VALUES


def write_parquet(path):
    with atomic_path(path) as temporary:
        pd.DataFrame({"a": VALUES.ravel()}).to_parquet(temporary)


def write_weights(path):
    with atomic_path(path) as temporary:
        temporary.write_bytes(save({"a": VALUES}))


FORMATS = pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.nc", write_netcdf), ("a.tif", write_geotiff), ("map.tif", write_map), ("a.zarr", write_store),
        ("a.parquet", write_parquet), ("a.safetensors", write_weights),
    ],
)  # fmt: skip


@FORMATS
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of writes that were under way
def test_a_full_disk_is_named_with_what_is_free_and_nothing_is_left(name, write, disk):
    full = disk("size=2m")
    with pytest.raises(StorageError, match=rf"{name}: no space left on its disk \(.* MB are free\); free some space"):
        write(full / name)
    assert list(full.iterdir()) == []


@FORMATS
def test_a_read_only_disk_is_named(name, write, disk):
    with pytest.raises(StorageError, match=f"disk/{name}: its file system is read-only"):
        write(disk("ro") / name)


FORBIDDEN = """
import sys
from pathlib import Path
import rasterio
from loam.errors import StorageError
from loam.io.atomic import atomic_path
try:
    with atomic_path(Path(sys.argv[1]) / "a.tif") as temporary:
        rasterio.open(temporary, "w", driver="GTiff", width=1, height=1, count=1, dtype="uint8", crs="EPSG:4326")
except StorageError as error:
    print(error)
"""


def test_a_folder_that_forbids_writing_is_named_though_the_library_does_not_tell(project, tmp_path):
    as_others = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []  # root may write anywhere
    if as_others and not shutil.which("setpriv"):
        pytest.skip("root can write to any folder, and setpriv is not here to take that from it")
    tmp_path.chmod(0o555)
    result = subprocess.run(
        [*as_others, sys.executable, "-c", FORBIDDEN, tmp_path], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(project / "workflow/lib")},
    )  # fmt: skip
    tmp_path.chmod(0o755)
    assert "no permission; check its owner and mode" in result.stdout, result.stderr
    assert list(tmp_path.iterdir()) == []
