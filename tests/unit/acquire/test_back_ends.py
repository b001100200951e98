"""From files of your own, and from a provider's server, to canonical files: scripts and back ends as they are."""

from dataclasses import replace

import fetch_maps
import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin

from loam.acquire.access import Access
from loam.acquire.canonical.origin import read_source
from loam.acquire.catalogue import dataset_of
from loam.acquire.direct.cog_source import CogSource
from loam.acquire.http.retry import Policy
from loam.acquire.steps.fetch_maps import fetch_map
from loam.acquire.steps.fetched_parts import open_parts
from loam.errors import AcquireError

GRID = {"crs": "EPSG:32755", "bounds": [500000, 5200000, 504000, 5203200], "resolution": 80}
GEOBOX = GeoBox.from_bbox((500000, 5200000, 504000, 5203200), "EPSG:32755", resolution=80)
REQUEST = {"dataset": "soilgrids"}


def raster(path, values, driver="GTiff", **more):
    """Values on 0.01 degree pixels around the grid."""
    with rasterio.open(
        path, "w", driver=driver, height=40, width=40, count=len(values), dtype=values.dtype, crs="EPSG:4326",
        transform=from_origin(146.8, -43.2, 0.01, 0.01), **more,
    ) as file:  # fmt: skip
        file.write(values)
        if len(values) == 1:
            file.set_band_description(1, "elevation")
    return path


def test_a_local_elevation_becomes_a_map_and_is_read_again_when_the_file_changes(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    raster(folder / "elevation.tif", np.full((1, 40, 40), 120, np.float32), nodata=-9999)
    (folder / "layout.yaml").write_text("units: {elevation: m}\n")
    values = {
        "acquire": {"earthengine": {}, "local": {"terrain_local": str(folder)}}, "mapping": {"grid": GRID},
        "dataset": "terrain_local", "back_end": "local", "variable": "elevation",
    }  # fmt: skip
    path = tmp_path / "elevation.tif"
    fetch_maps.stage({"map": path}, values)
    with rasterio.open(path) as file:
        assert (file.read(1) == 120).all() and file.units == ("m",)
    raster(folder / "elevation.tif", np.full((1, 40, 40), 130, np.float32), nodata=-9999)
    fetch_maps.stage({"map": path}, values)
    with rasterio.open(path) as file:
        assert (file.read(1) == 130).all()
    assert read_source(path)["back_end"] == "local"


@pytest.fixture
def clay(loopback, tmp_path, no_credentials):
    """Gives a function that fetches SoilGrids' clay from the loopback server."""
    data = raster(tmp_path / "clay.tif", np.full((1, 40, 40), 250, np.int16), "COG", nodata=-32768).read_bytes()
    for depth in ("0-5", "5-15", "15-30", "30-60"):
        loopback.serve(f"/clay/clay_{depth}cm_mean.vrt", data)
    dataset = dataset_of("soilgrids")
    dataset = replace(dataset, back_ends={"direct": {**dataset.back_ends["direct"], "base": loopback.url}})

    def fetch(path):
        source = CogSource(dataset, Access(), open_parts(path, REQUEST))
        source.policy = Policy(attempts=3, first_wait_s=0.001, longest_wait_s=0.01, wall_clock_s=20, timeout_s=1)
        source.tile = 32
        fetch_map(source, "clay", GEOBOX, path, REQUEST)

    return fetch


def test_a_providers_files_become_a_map_in_canonical_units(clay, loopback, tmp_path):
    loopback.fail(status=503)
    path = tmp_path / "resources" / "clay.tif"
    clay(path)
    with rasterio.open(path) as file:
        assert np.allclose(file.read(), 25) and file.descriptions == ("0-5", "5-15", "15-30", "30-60")


def test_a_provider_that_sends_a_page_leaves_an_error_and_no_file(clay, loopback, tmp_path, files_in):
    loopback.fail(html="Down for maintenance", times=400)
    with pytest.raises(AcquireError):
        clay(tmp_path / "resources" / "clay.tif")
    assert [name for name in files_in(tmp_path / "resources") if name.endswith((".tif", ".json"))] == []
