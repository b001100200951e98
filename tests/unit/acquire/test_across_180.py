"""Doors of a region and of stations on either side of the 180th meridian: each asks for its own width, and each pixel
and station gets its own value.
"""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from affine import Affine
from memory_sources import dataset
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.canonical.canonical import bounds_of
from loam.acquire.catalogue import dataset_of
from loam.acquire.direct.cds import CdsSource
from loam.acquire.direct.cog_source import tile_names
from loam.acquire.direct.region_cells import degree_window, ease_window
from loam.acquire.earthengine.ee_points import _bounds, square_around
from loam.acquire.earthengine.listing import Native, box
from loam.acquire.earthengine.scene_pixels import _reached
from loam.acquire.scenes.scene_files import list_run_scenes
from loam.acquire.scenes.scene_table import no_scenes
from loam.acquire.source import Fields, Source
from loam.acquire.station_places import boxes_of, envelope_of, pixel_at
from loam.acquire.steps.fetch_points import fetch_point_fields
from loam.config.sections.acquire import Sentinel2Scenes
from loam.config.sections.mapping import MapInput
from loam.config.sections.probes import StationMap
from loam.covariates.features import feature_set
from loam.covariates.read.rasters import open_day
from loam.probes.readings import STATIONS
from loam.probes.station_maps import fill_from_maps
from loam.raster.dateline import parts_of
from loam.raster.grid import crs_of, grid_like, project

DAYS = [date(2021, 3, 1), date(2021, 3, 2)]
FIJI = GeoBox((40, 40), Affine(4000.0, 0, 2_000_000, 0, -4000.0, 4_080_000), "EPSG:3460")  # 160 km over the meridian
DEGREES = GeoBox((16, 20), Affine(0.1, 0, 179.0, 0, -0.1, -16.0), "EPSG:4326")  # 179 E to 179 W
PLACES = pd.DataFrame(
    {"station": ["west", "east", "far"], "latitude": [-16.5, -16.7, -17.0], "longitude": [179.9, -179.9, -178.4]}
)


def plane(longitude, latitude):
    """A value that no other place of the region has."""
    return 10.0 + 4 * (np.asarray(longitude) % 360.0 - 178.0) + np.asarray(latitude) / 10


class Plane(Source):
    """Weather by place on cells of a quarter of a degree, asked for by boxes that end at 180."""

    back_end = "direct"
    box = 4.0

    def __init__(self, workspace, first: float) -> None:
        super().__init__(dataset(), {}, workspace)
        self.first, self.asked = first, []

    def clients(self):
        return {"memory": "1"}

    def read_fields(self, bounds, days):
        self.asked.append(bounds)
        west, south, east, north = bounds
        assert -180 <= west < east <= 180
        y = np.arange(np.floor(north * 4) / 4 + 0.375, south - 0.25, -0.25)
        x = np.arange(np.floor(west * 4) / 4 - 0.125, east + 0.3, 0.25)  # one cell to spare
        x = x[(x > -180) & (x < 180)]
        x = x if self.first < 0 else x % 360.0
        values = np.broadcast_to(plane(*np.meshgrid(x, y)), (len(days), len(y), len(x))).astype(np.float32)
        data = xr.Dataset(
            {name: (("time", "latitude", "longitude"), values) for name in self.dataset.variables},
            coords={"time": pd.DatetimeIndex(days), "latitude": y, "longitude": x}, attrs={"crs": "EPSG:4326"},
        )  # fmt: skip
        return Fields(data, np.ones(len(days), int), frozenset(), days[-1])


@pytest.mark.parametrize("first", [-180.0, 0.0])
def test_each_station_gets_the_cell_that_holds_it(tmp_path, first):
    (tmp_path / "work").mkdir()
    source = Plane(tmp_path / "work", first)
    fetch_point_fields(source, PLACES, "2021-03", "final", tmp_path / "p.parquet", tmp_path / "m.csv", {})
    table = pd.read_parquet(tmp_path / "p.parquet").drop_duplicates("station").set_index("station")["rain"]
    for row in PLACES.itertuples():
        assert table[row.station] == pytest.approx(plane(row.longitude, row.latitude), abs=0.6)
    assert table["west"] < table["east"] < table["far"]
    assert all(east - west < 3 for west, _, east, _ in source.asked)  # none around the world


def test_stations_on_either_side_share_a_box_of_their_own_width():
    assert len(boxes_of(PLACES, 4.0)) == 1
    west, _, east, _ = envelope_of(PLACES)
    assert 179 < west < 180 < east < 182.5 and east - west < 2.5
    for name in ("west", "east"):
        alone = envelope_of(PLACES[PLACES["station"] == name])
        assert alone[2] - alone[0] < 1


def test_a_station_beside_the_meridian_is_the_centre_of_its_pixel():
    for longitude in (179.9999, -179.9999):
        pixel = pixel_at(longitude, -16.5, 80.0)
        x, y = pixel.transform @ (0.5, 0.5)
        found, _ = project(np.array([x]), np.array([y]), crs_of(pixel), "EPSG:4326")
        assert abs((found[0] - longitude + 180) % 360 - 180) < 1e-6


@pytest.mark.parametrize("longitude", [179.9999, -179.9999, 12.0])
def test_the_square_around_a_station_is_as_wide_as_it_is_high(longitude):
    west, south, east, north = square_around(longitude, -16.5, 80.0)
    assert east - west == pytest.approx(80 / 106_750, rel=0.01) and west < longitude < east
    assert north - south == pytest.approx(80 / 110_650, rel=0.01)


def test_earth_engine_is_asked_for_the_two_sides_and_nothing_between():
    for bounds in (_bounds(PLACES, 80.0), bounds_of(FIJI), bounds_of(DEGREES)):
        shape = box(bounds)
        assert shape["type"] == "MultiPolygon" and len(shape["coordinates"]) == 2
        longitudes = np.array([ring for (ring,) in shape["coordinates"]])[..., 0]
        assert longitudes.max() == 180 and longitudes.min() == -180
        assert all(np.ptp(side) < 2 for side in longitudes)


def test_of_a_tile_beside_the_meridian_only_what_the_region_needs_is_read():
    tile = Native(GeoBox((5490, 5490), Affine(20, 0, 699_960, 0, -20, 8_200_000), "EPSG:32760"))  # 60K, to the meridian
    part = tile.cover(bounds_of(FIJI[:, 20:])).geobox
    x, _ = part.transform @ (0, 0)
    assert part.shape[1] < 5490 and x > 740_000


@pytest.mark.parametrize("grid", [FIJI, DEGREES], ids=["metres", "degrees"])
def test_a_scene_over_the_meridian_reaches_both_sides_of_the_grid(grid):
    ring = [[179.5, -18], [-179.5, -18], [-179.5, -15], [179.5, -15], [179.5, -18]]
    west, _, east, _ = bounds_of(_reached(SimpleNamespace(id="x", footprint={"type": "Polygon", "coordinates": [ring]}),
                                          grid))  # fmt: skip
    assert west < 179.65 and east > 180.2
    only_east = [[[lon + 0.8, lat] for lon, lat in ring[1:3]] + [[179.9 - 360, -15], [179.9 - 360, -18]]]
    only_east = [[*only_east[0], only_east[0][0]]]
    found = _reached(SimpleNamespace(id="x", footprint={"type": "Polygon", "coordinates": only_east}), grid)
    assert found.shape[1] < grid.shape[1]


def test_the_climate_store_is_asked_for_areas_that_are_no_wider_than_the_sides(tmp_path):
    source = CdsSource(dataset_of("era5_land"), Access(), tmp_path)
    parts = parts_of(bounds_of(FIJI))
    areas = [source.requests(part, DAYS)[0]["area"] for part in parts]
    assert [round(area[3] - area[1], 1) < 2 for area in areas] == [True, True]
    first, second = (source.cells(part)[1] for part in parts)
    both = np.unique(np.round(np.r_[first, second % 360.0], 6))
    assert np.allclose(np.diff(both), 0.1)


@pytest.mark.parametrize("first", [-180.0, 0.0])
def test_a_providers_grid_of_degrees_is_cut_on_either_side(first):
    longitude, latitude = first + 0.125 + 0.25 * np.arange(1440), 89.875 - 0.25 * np.arange(720)
    found = [degree_window(latitude, longitude, part, "x") for part in parts_of(bounds_of(FIJI))]
    assert all(window.columns.stop - window.columns.start < 8 for window in found)
    both = np.unique(np.round(np.r_[found[0].x, found[1].x % 360.0], 6))
    assert np.allclose(np.diff(both), 0.25)


def test_the_ease_grid_is_cut_on_either_side():
    found = [ease_window(part, "x") for part in parts_of(bounds_of(FIJI))]
    assert all(window.columns.stop - window.columns.start < 20 for window in found)
    assert found[0].x.min() > 17.2e6 and found[1].x.max() < -17.2e6


@pytest.mark.parametrize("grid", [FIJI, DEGREES], ids=["metres", "degrees"])
def test_tiles_of_an_elevation_model_are_those_of_both_sides(grid):
    names = tile_names("{y}_{x}", 1, grid)
    assert {name.split("_")[1] for name in names} <= {"E178", "E179", "W180", "W179"}
    assert {"E179", "W180"} <= {name.split("_")[1] for name in names}


def test_scenes_are_listed_by_a_box_on_either_side(tmp_path):
    asked = []

    def list_scenes(bounds, first, last):
        asked.append(bounds)
        return no_scenes()

    access = Access(choice=Sentinel2Scenes(dataset="sentinel2", back_end="direct"))
    source = SimpleNamespace(
        list_scenes=list_scenes, clients=lambda: {}, dataset=dataset_of("sentinel2"), access=access
    )
    list_run_scenes([source], bounds_of(FIJI), *DAYS, tmp_path / "scenes.csv")
    (west, _, edge, _), (start, _, east, _) = asked
    assert edge == 180 and start == -180 and edge - west < 1.5 and east - start < 1.5


def world(path, first, unit=None):
    """A raster around the world, in columns from ``first``."""
    longitude, latitude = first + 0.25 + 0.5 * np.arange(720), -10.25 - 0.5 * np.arange(20)
    values = plane(*np.meshgrid(longitude, latitude)).astype(np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=20, width=720, crs="EPSG:4326",
        transform=Affine(0.5, 0, first, 0, -0.5, -10),
    ) as output:  # fmt: skip
        output.write(values, 1)
    return path


@pytest.mark.parametrize("first", [-180.0, 0.0])
def test_a_map_of_the_stations_is_read_on_either_side(tmp_path, first):
    stations = STATIONS.validate(PLACES.reindex(columns=list(STATIONS.columns)))
    maps = [StationMap(column="elevation", file=str(world(tmp_path / "dem.tif", first)))]
    found = fill_from_maps(stations, maps)["elevation"]
    assert (
        np.allclose(found, plane(PLACES["longitude"], PLACES["latitude"]), atol=1.1) and found.is_monotonic_increasing
    )


@pytest.mark.parametrize("first", [-180.0, 0.0])
@pytest.mark.parametrize("grid", [FIJI, DEGREES], ids=["metres", "degrees"])
def test_a_raster_of_a_map_is_read_on_either_side(tmp_path, first, grid):
    with rasterio.open(
        tmp_path / "land.tif", "w", driver="GTiff", dtype="float32", count=1, height=grid.shape[0],
        width=grid.shape[1], crs=grid.crs.to_wkt(), transform=grid.transform,
    ) as output:  # fmt: skip
        output.write(np.ones(grid.shape, np.float32), 1)
    own = grid_like(tmp_path / "land.tif", 64)
    none = {"daily": [], "classes": [], "day_of_year": False, "sequence": {"variables": [], "lags": [0, 0]}}
    inputs = [MapInput(feature="x", file=str(world(tmp_path / "x.tif", first)))]
    with open_day(inputs, feature_set({**none, "static": ["x"]}), "2021-03-01", own) as rasters:
        (tile,) = own.tiles
        found = rasters.read(tile)
    assert len(found.pixel) == tile.height * tile.width
    longitude, latitude = own.centres(tile, "EPSG:4326")
    assert np.abs(found.static[:, 0] - plane(longitude, latitude)).max() < 1.1
