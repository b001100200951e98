"""The relief for Sentinel-1: heights at their own resolution, and beyond the grid's edge as far as they go."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.local.local_source import LocalSource
from loam.acquire.radar_relief import MARGIN_METRES, part_covered, relief_geobox, widened
from loam.acquire.source import Source
from loam.acquire.steps.fetch_maps import fetch_map
from loam.errors import RasterError
from loam.raster.grid import pixel_metres

GRID = GeoBox((20, 30), Affine(80, 0, 500_000, 0, -80, 5_300_000), "EPSG:28355")


class Heights(Source):
    """An elevation model of a given resolution that covers the Earth."""

    back_end = "earthengine"

    def __init__(self, metres):
        super().__init__(dataset_of("glo30"), {}, None)
        self.metres = metres

    def clients(self):
        return {}

    def native_metres(self, variable, geobox):
        return self.metres


@pytest.mark.parametrize(
    ("native", "parts"),
    [(30.92, 3), (30.0, 3), (26.7, 3), (92.77, 1), (80.0, 1), (20.0, 4), (2.0, 4), (None, 1)],
)
def test_pixels_are_parted_evenly_no_coarser_than_the_elevation_models_and_no_finer_than_20_metres(native, parts):
    net = relief_geobox(Heights(native), "elevation", GRID)
    steps = ~net.transform @ GRID.transform
    assert (steps.a, steps.e) == (pytest.approx(parts), pytest.approx(parts))
    assert steps.c == pytest.approx(round(steps.c)) and steps.f == pytest.approx(round(steps.f))


def test_the_net_goes_on_10_km_beyond_every_edge():
    left, bottom, right, top = (
        round(side) for side in relief_geobox(Heights(30), "elevation", GRID).extent.boundingbox
    )
    assert 0 <= (500_000 - left) - MARGIN_METRES < 80 and 0 <= (right - 502_400) - MARGIN_METRES < 80
    assert 0 <= (top - 5_300_000) - MARGIN_METRES < 80 and 0 <= (5_298_400 - bottom) - MARGIN_METRES < 80


def test_a_grid_in_degrees_goes_on_beyond_180_but_not_beyond_a_pole():
    grid = GeoBox((100, 400), Affine(0.001, 0, 179.7, 0, -0.001, -16.0), "EPSG:4326")
    wide = widened(grid)
    assert wide.extent.boundingbox.right > 180.19
    across, down = pixel_metres(grid)
    assert wide.shape == (100 + 2 * -(-10_000 // down), 400 + 2 * -(-10_000 // across))
    pole = widened(GeoBox((100, 400), Affine(0.001, 0, 10.0, 0, -0.001, 90.0), "EPSG:4326"))
    assert pole.extent.boundingbox.top == pytest.approx(90.0)
    ring = widened(GeoBox((100, 3600), Affine(0.1, 0, -180.0, 0, -0.1, 5.0), "EPSG:4326"))
    assert ring.shape[1] == 3600


def test_the_part_of_a_grid_that_a_raster_covers_is_told_in_any_crs():
    half = GeoBox((60, 40), Affine(40, 0, 500_000, 0, -40, 5_300_000), "EPSG:28355")
    assert part_covered(GRID, half) == (slice(0, 20), slice(0, 20))
    degrees = GeoBox((100, 100), Affine(0.001, 0, 147.01, 0, -0.001, -42.44), "EPSG:4326")
    rows, columns = part_covered(GRID, degrees)
    assert (rows, columns.stop) == (slice(0, 20), 30) and columns.start == pytest.approx(822 / 80, abs=1)
    south_up = GeoBox((60, 40), Affine(40, 0, 500_000, 0, 40, 5_299_200), "EPSG:28355")
    assert part_covered(GRID, south_up) == (slice(0, 10), slice(0, 20))
    assert part_covered(GRID, GeoBox((60, 40), Affine(40, 0, 0, 0, -40, 0), "EPSG:28355")) is None


def local(folder, crs, transform, values):
    (folder / "mine").mkdir(exist_ok=True)
    with rasterio.open(
        folder / "mine" / "elevation.tif", "w", driver="GTiff", count=1, height=values.shape[0], width=values.shape[1],
        dtype="float32", crs=crs, transform=transform,
    ) as file:  # fmt: skip
        file.write(values.astype(np.float32), 1)
        file.update_tags(vertical_datum="EGM96")
    source = LocalSource(
        dataset_of("terrain_local"), Access(folders={"terrain_local": str(folder / "mine")}), folder / "w"
    )
    source.smooth = True
    return source


def test_a_local_elevation_model_ends_the_net_where_it_ends(tmp_path):
    """It reaches from 400 m west of the grid to its eastern edge, and far beyond the others."""
    source = local(tmp_path, "EPSG:28355", Affine(10, 0, 499_600, 0, -10, 5_320_000), np.full((4000, 280), 50.0))
    net = relief_geobox(source, "elevation", GRID)
    fetch_map(source, "elevation", net, tmp_path / "relief.tif", {"dataset": "terrain_local"})
    with rasterio.open(tmp_path / "relief.tif") as file:
        assert file.res == (20.0, 20.0) and file.bounds.left == 499_600 and file.bounds.right == 502_400
        assert file.bounds.top >= 5_310_000 and file.tags()["vertical_datum"] == "EGM96"
        assert (file.read(1) == 50).all()


def test_a_local_elevation_model_elsewhere_is_named(tmp_path):
    source = local(tmp_path, "EPSG:28355", Affine(10, 0, 700_000, 0, -10, 5_320_000), np.full((50, 50), 50.0))
    with pytest.raises(RasterError, match="elevation.tif: does not reach the run's grid"):
        relief_geobox(source, "elevation", GRID)


def test_heights_go_smoothly_from_pixel_to_pixel_and_as_means_where_they_are_finer(tmp_path):
    """A wavy surface at 30 m in degrees: between its pixels no steps, and no more error than straight lines make."""

    def waves(x, y):
        return 100 + 10 * np.sin(x / 90) * np.cos(y / 80)

    geobox = GeoBox((300, 300), Affine(30, 0, 498_000, 0, -30, 5_302_000), "EPSG:28355")
    column, row = np.meshgrid(np.arange(300) + 0.5, np.arange(300) + 0.5)
    source = local(tmp_path, "EPSG:28355", geobox.transform, waves(*(geobox.transform @ (column, row))))
    for parts, most in ((4, 0.15), (3, 0.15), (1, 3.0)):
        net = GRID.zoom_out(1 / parts)
        found = source.read_map("elevation", net)[0]
        fine = net.zoom_out(1 / 4)  # what the pixels hold at their middle, or their mean where they are large
        column, row = np.meshgrid(np.arange(fine.shape[1]) + 0.5, np.arange(fine.shape[0]) + 0.5)
        truth = waves(*(fine.transform @ (column, row)))
        mean = truth.reshape(net.shape[0], 4, net.shape[1], 4).mean(axis=(1, 3))
        column, row = np.meshgrid(np.arange(net.shape[1]) + 0.5, np.arange(net.shape[0]) + 0.5)
        middle = waves(*(net.transform @ (column, row)))
        assert np.abs(found - (mean if parts == 1 else middle)).max() < most
    net, source.smooth = GRID.zoom_out(1 / 4), False
    column, row = np.meshgrid(np.arange(120) + 0.5, np.arange(80) + 0.5)
    assert np.abs(source.read_map("elevation", net)[0] - waves(*(net.transform @ (column, row)))).max() > 0.5


def test_a_relief_across_the_date_line_goes_on_beyond_it(tmp_path):
    """Heights in degrees from 179 to 181, held from -181 to -179; the grid lies on both sides."""
    grid = GeoBox((20, 30), Affine(0.001, 0, 179.985, 0, -0.001, -16.0), "EPSG:4326")
    transform = Affine(0.001, 0, -181.0, 0, -0.001, -15.0)
    column = np.broadcast_to(np.arange(2000), (2000, 2000))
    source = local(tmp_path, "EPSG:4326", transform, column * 0.1)
    net = relief_geobox(source, "elevation", grid)
    box = net.extent.boundingbox
    assert box.left < 179.9 and box.right > 180.1
    found = source.read_map("elevation", net)[0]
    longitude = net.transform.c + net.transform.a * (np.arange(net.shape[1]) + 0.5)
    np.testing.assert_allclose(found[50], (longitude - 179.0) / 0.001 * 0.1 - 0.05, atol=0.02)
