"""The elevation model under a pass: which of its heights are used, how far around, and where it ends."""

import re

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from sentinel1_files import write_product
from sentinel1_landscapes import SETTINGS, Landscape, grey

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.local.local_source import LocalSource
from loam.acquire.radar_relief import MARGIN_METRES, relief_geobox
from loam.acquire.steps.fetch_maps import fetch_map
from loam.raster.grid import Tile
from loam.sentinel1.elevation import Elevation, reach_of
from loam.sentinel1.exposure import incidence
from loam.sentinel1.geometry import earth_fixed, image_position, zero_doppler
from loam.sentinel1.heights import ELLIPSOID, Geoid
from loam.sentinel1.positions import solve_positions
from loam.sentinel1.scene import process_pass
from loam.sentinel1.terrain import Terrain, net_of
from loam.sentinel1.validity import Validity

GRID = GeoBox((20, 30), Affine(80, 0, 500_000, 0, -80, 5_300_000), "EPSG:32755")


def raster(path, geobox, values=None):
    values = np.zeros(geobox.shape) if values is None else values
    with rasterio.open(
        path, "w", driver="GTiff", height=geobox.shape[0], width=geobox.shape[1], count=1, dtype="float32",
        crs=geobox.crs.to_wkt(), transform=geobox.transform, nodata=-9999,
    ) as output:  # fmt: skip
        output.write(values.astype(np.float32), 1)
        output.update_tags(vertical_datum=ELLIPSOID)
    return path


def elevation_of(path, grid=GRID):
    return Elevation(path, Geoid(ELLIPSOID), grid)


@pytest.mark.parametrize(
    ("pixel", "shift", "posts"),
    [
        (80.0, 0.0, 1),  # the run's own pixels
        (80.0 / 3, 0.0, 3),  # parted evenly
        (80.0 / 3, -160.0, 3),  # as those that begin beyond the edge
        (30.0, 0.0, 4),  # others: every 20 m
        (80.0 / 3, 5.0, 4),
        (4.0, 0.0, 4),  # finer than needed: their means
        (120.0, 0.0, 4),
    ],
)
def test_heights_stand_where_the_elevation_model_has_them_or_every_20_metres(tmp_path, pixel, shift, posts):
    own = GeoBox((20, 30), Affine(pixel, 0, 500_000 + shift, 0, -pixel, 5_300_000), GRID.crs)
    assert elevation_of(raster(tmp_path / "dem.tif", own)).posts == posts


@pytest.mark.parametrize("side", [10.0, 25.0, 240.0])
def test_pixels_no_larger_than_20_metres_have_one_height(tmp_path, side):
    grid = GeoBox((20, 30), Affine(side, 0, 500_000, 0, -side, 5_300_000), GRID.crs)
    own = GeoBox((9, 9), Affine(33, 0, 500_000, 0, -33, 5_300_000), GRID.crs)
    assert elevation_of(raster(tmp_path / "dem.tif", own), grid).posts == {10.0: 1, 25.0: 1, 240.0: 12}[side]


def test_a_rim_of_posts_makes_the_mean_slope_of_each_pixel():
    """On a curved surface the slope of a pixel is the rise from rim to rim."""
    posts, rows = 4, np.arange(7 * 4)
    heights = 0.002 * (np.arange(9 * 4)[None] * 20.0) ** 2 - 0.1 * rows[:, None] * 20.0
    terrain = Terrain(GeoBox((5, 7), GRID.transform, GRID.crs), heights, 1, posts)
    mean, right, down = terrain.facets
    left_rim = (np.arange(7) + 1) * 80.0 - 10.0  # metres at which posts count from 0
    expected = 0.002 * ((left_rim + 80) ** 2 - left_rim**2)
    np.testing.assert_allclose(right, np.broadcast_to(expected, (5, 7)), rtol=1e-6)
    np.testing.assert_allclose(down, -8.0, rtol=1e-6)
    np.testing.assert_allclose(mean[1], heights[8:12, 4:32].reshape(4, 7, 4).mean(axis=(0, 2)))


def test_slopes_beside_holes_are_those_of_the_other_side_and_a_pixel_alone_is_level():
    heights = np.add.outer(np.arange(7) * 5.0, np.arange(9) * 8.0)
    heights[3, 4] = np.nan
    heights[0, :3] = heights[1, [0, 2]] = heights[2, :3] = np.nan  # around the first pixel
    mean, right, down = Terrain(GeoBox((5, 7), GRID.transform, GRID.crs), heights, 1, 1).facets
    assert np.isnan([mean[2, 3], right[2, 3], down[2, 3]]).all()
    assert right[2, 2] == right[2, 4] == right[0, 4] == 8.0 and down[1, 3] == down[3, 3] == 5.0
    assert mean[0, 0] == 13.0 and right[0, 0] == down[0, 0] == 0.0


def test_the_reach_is_that_of_layover_or_shadow_and_never_beyond_the_margin():
    assert reach_of(1000.0, (29.0, 46.0)) == pytest.approx(1000 / np.tan(np.radians(29)), rel=0.03)
    assert reach_of(1000.0, (44.0, 60.0)) == pytest.approx(1000 * np.tan(np.radians(60)), rel=0.03)
    assert reach_of(9000.0, (29.0, 46.0)) == MARGIN_METRES
    assert reach_of(90.0, (29.0, 46.0)) == reach_of(0.0, (29.0, 46.0)) == 1000.0


@pytest.mark.parametrize("crs", ["EPSG:32755", "EPSG:4326"])
def test_the_range_of_heights_is_that_within_10_km_in_any_crs(tmp_path, crs):
    """A hill of 700 m stands 9 km east of the grid, one of 2,000 m 12 km west; the north lacks, all else is 50 m."""
    if crs == "EPSG:32755":
        own = GeoBox((1000, 1000), Affine(40, 0, 481_000, 0, -40, 5_319_000), crs)
        place = {"east": (500_000 + 30 * 80 + 9_000, 5_299_200), "west": (500_000 - 12_000, 5_299_200)}
    else:
        to = pyproj.Transformer.from_crs("EPSG:32755", crs, always_xy=True)
        own = GeoBox((800, 1200), Affine(0.0005, 0, to.transform(481_000, 5_300_000)[0], 0, -0.0005, -42.25), crs)
        place = {name: to.transform(x, 5_299_200) for name, x in (("east", 511_400), ("west", 488_000))}
    values = np.full(own.shape, 50.0)
    values[:200] = -9999
    for name, height in (("east", 700.0), ("west", 2000.0)):
        column, row = (int(each) for each in ~own.transform @ place[name])
        values[row - 2 : row + 3, column - 2 : column + 3] = height
    elevation = elevation_of(raster(tmp_path / "dem.tif", own, values))
    assert elevation.range_around(Tile(0, 20, 20, 10)) == pytest.approx(650.0, abs=1)
    far = GeoBox((20, 30), Affine(80, 0, 500_000, 0, -80, 5_370_000), GRID.crs)
    assert elevation_of(tmp_path / "dem.tif", far).range_around(Tile(0, 0, 20, 30)) == 0.0


def test_pixels_near_the_end_are_those_nearer_to_it_than_the_reach(tmp_path):
    """It ends at the northern edge, 160 m beyond the eastern one, and nowhere else within the margin."""
    pixel = 80 / 4
    own = GeoBox((2000, 2000), Affine(pixel, 0, 502_560 - 2000 * pixel, 0, -pixel, 5_300_000), GRID.crs)
    elevation = elevation_of(raster(tmp_path / "dem.tif", own))
    assert elevation.ends == (0, np.inf, -np.inf, 32)
    near = elevation.near_end(Tile(0, 0, 20, 30), 400.0)
    assert near[:5].all() and near[:, -3:].all()
    assert not near[5:, :-3].any()
    np.testing.assert_array_equal(elevation.near_end(Tile(4, 20, 3, 10), 400.0), near[4:7, 20:])
    beside = elevation.near_end(Tile(0, 0, 20, 30), 0.0)
    assert beside[0].all() and not beside[1:].any()


def test_an_elevation_model_in_degrees_across_the_date_line_ends_where_it_does(tmp_path):
    grid = GeoBox((20, 30), Affine(0.001, 0, 179.985, 0, -0.001, -16.0), "EPSG:4326")
    own = GeoBox((600, 1000), Affine(0.0005, 0, -180.25, 0, -0.0005, -15.9), "EPSG:4326")
    top, bottom, left, right = elevation_of(raster(tmp_path / "dem.tif", own), grid).ends
    assert (top, bottom, left, right) == (-np.inf, np.inf, -np.inf, np.inf)
    narrow = GeoBox((600, 510), own.transform, own.crs)  # until 179.995 east of Greenwich the other way round
    assert elevation_of(raster(tmp_path / "dem.tif", narrow), grid).ends[3] == pytest.approx(20, abs=1)


@pytest.fixture(scope="module")
def land(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elevation")
    return Landscape.under(write_product(folder, amplitude=None), folder)


class Fetched:
    """A landscape whose elevation model of 30 m is fetched for a grid, as it is for a pass."""

    def __init__(self, land, height, folder, size=24, beyond=MARGIN_METRES + 500.0):
        self.land, self.height, self.grid = land, height, land.grid(size=size)
        half = size * 40.0 + beyond
        count = int(2 * half / 30.0)
        self.own = GeoBox((count, count), Affine(30, 0, land.x - half, 0, -30, land.y + half), land.crs)
        (folder / "mine").mkdir(parents=True)
        raster(folder / "mine" / "elevation.tif", self.own, height(*self.centres(self.own)))
        access = Access(folders={"terrain_local": str(folder / "mine")})
        given = LocalSource(dataset_of("terrain_local"), access, folder / "work")
        given.smooth = True
        net = relief_geobox(given, "elevation", self.grid.geobox)
        self.path = folder / "relief.tif"
        fetch_map(given, "elevation", net, self.path, {"dataset": "terrain_local"})
        self.elevation = Elevation(self.path, Geoid(ELLIPSOID), self.grid.geobox)

    def centres(self, geobox):
        column, row = np.meshgrid(np.arange(geobox.shape[1]) + 0.5, np.arange(geobox.shape[0]) + 0.5)
        x, y = geobox.transform @ (column, row)
        return x - self.land.x, y - self.land.y


def hollow_and_ridge(x, y):
    """A hollow slope that rises to the east, and a ridge of 500 m whose foot is 80 m beyond the edge, at 960 m."""
    x, y = np.clip(x, -3000, 3000), np.clip(y, -3000, 3000)
    return 1000 + 0.2 * x + 1e-4 * x**2 - 0.1 * y + np.maximum(500 - np.abs(x - 1040 - 700) / 1.4, 0.0)


def analytic_incidence(channel, orbit, land, x, y, slopes, height):
    """Angle between the sight at zero Doppler and the normal of a surface with such slopes to the east and north."""
    to_map = pyproj.Transformer.from_crs("EPSG:4326", land.crs, always_xy=True)

    def placed(dx, dy, dz):
        longitude, latitude = to_map.transform(land.x + x + dx, land.y + y + dy, direction="INVERSE")
        return earth_fixed(longitude, latitude, height + dz)

    here = placed(0, 0, 0)
    up = placed(0, 0, 1) - here
    normal = np.cross(
        placed(1, 0, 0) - here + slopes[0][..., None] * up, placed(0, 1, 0) - here + slopes[1][..., None] * up
    )
    time, _ = zero_doppler(orbit, here.reshape(-1, 3), channel.annotation.start)
    sight = orbit.position(time).reshape(here.shape) - here
    cosine = (sight * normal).sum(-1) / np.linalg.norm(sight, axis=-1) / np.linalg.norm(normal, axis=-1)
    return np.degrees(np.arccos(cosine))


def test_incidence_at_the_edge_is_the_analytic_one_whatever_begins_beyond_it(land, channel, orbit, tmp_path):
    """A parabola's mean slope over a pixel is that of its middle; cut off at the edge, one rim is unknown."""
    worst = {}
    for name, beyond in (("whole", MARGIN_METRES), ("cut", 0.0)):
        fetched = Fetched(land, hollow_and_ridge, tmp_path / name, beyond=beyond)
        geobox, posts = fetched.grid.geobox, fetched.elevation.posts
        assert posts == 3
        terrain = Terrain(geobox, fetched.elevation.heights(net_of(geobox, 2, posts)), 2, posts)
        positions = solve_positions(channel.annotation, orbit, geobox, (0.0, 3000.0), 80.0, halo=2)
        local, _ = incidence(positions, terrain)
        x, y = fetched.centres(geobox)
        slopes = (0.2 + 2e-4 * x, np.full(x.shape, -0.1))
        expected = analytic_incidence(channel, orbit, land, x, y, slopes, hollow_and_ridge(x, y))
        worst[name] = np.abs(local - expected)
    assert worst["whole"].max() < 0.02
    assert worst["cut"][5:-5, -1].min() > 0.1 and worst["cut"][3:-3, 3:-3].max() < 0.02


def test_a_ridge_beyond_the_edge_folds_over_places_in_the_grid_or_hides_them(land, tmp_path, caplog):
    """A wall of 700 m, 300 m beyond the eastern and the western edge; the same cut off at the edge tells of neither."""

    def walls(x, y):
        return 100 + np.maximum(700 - 2.5 * np.abs(np.abs(x) - 1540), 0.0)

    seen, flags, counted = land.seen({"vv": grey}, name="walls"), {}, {}
    for name, beyond in (("whole", MARGIN_METRES + 500.0), ("cut", 0.0)):
        fetched = Fetched(land, walls, tmp_path / name, beyond=beyond)
        caplog.clear()
        process_pass([seen], fetched.path, fetched.grid, tmp_path / "pass.tif", SETTINGS)
        with rasterio.open(tmp_path / "pass.tif") as file:
            flags[name], present = file.read(5).astype(int), np.isfinite(file.read(1))
        counted[name] = re.findall(r"ends near (\d+) pixels .* within ([0-9.]+) km", caplog.text)
    layover, shadow = ((flags["whole"] & int(flag)) > 0 for flag in (Validity.LAYOVER, Validity.SHADOW))
    # descending, so the satellite stands in the east: the western wall folds over what lies before it, to its east
    tangent = np.tan(np.radians(33.0))
    assert (layover & present)[:, :3].sum() > 0.8 * present[:, :3].sum()
    assert not layover[:, 8 + int(700 / tangent / 80) :].any()
    assert not shadow[:, :10].any()
    hidden = (flags["cut"] & int(Validity.LAYOVER | Validity.SHADOW)) > 0
    assert not hidden.any()
    assert counted["whole"] == []
    assert counted["cut"][0][0] == str(present.sum())  # all are nearer than a kilometre


def test_detail_below_the_grids_pixels_moves_places_by_less_than_a_third_of_a_metre(land, channel, orbit, tmp_path):
    """Hills of 20 m every 500 m, seen at 33 degrees: heights at their own resolution, and as means of 80 m."""

    def hills(x, y):
        return 300 + 10 * np.sin(2 * np.pi * x / 500) * np.cos(2 * np.pi * y / 460)

    fetched = Fetched(land, hills, tmp_path, beyond=500.0)
    geobox, errors = fetched.grid.geobox, {}
    coarse = hills(*fetched.centres(geobox.pad(2).zoom_out(1 / 8))).reshape(28, 8, 28, 8).mean(axis=(1, 3))
    averaged = elevation_of(raster(tmp_path / "mean.tif", geobox.pad(2), coarse), geobox)
    inner = geobox.zoom_out(1 / 8)
    x, y = fetched.centres(inner)
    longitude, latitude = pyproj.Transformer.from_crs(land.crs, "EPSG:4326", always_xy=True).transform(
        x + land.x, y + land.y
    )

    def samples(height):
        point = earth_fixed(longitude, latitude, height).reshape(-1, 3)
        return image_position(channel.annotation, orbit, point)[1] * channel.annotation.sample_spacing

    true = samples(hills(x, y))
    for name, elevation in (("own", fetched.elevation), ("averaged", averaged)):
        net = net_of(geobox, 2, elevation.posts)
        posts = elevation.heights(net)
        column, row = ~net.transform @ (x + land.x, y + land.y)
        i, j = np.floor(row - 0.5).astype(int), np.floor(column - 0.5).astype(int)
        v, u = row - 0.5 - i, column - 0.5 - j
        upper = posts[i, j] + (posts[i, j + 1] - posts[i, j]) * u
        lower = posts[i + 1, j] + (posts[i + 1, j + 1] - posts[i + 1, j]) * u
        errors[name] = float(np.sqrt(np.mean((samples(upper + (lower - upper) * v) - true) ** 2)))
    assert errors["own"] < 0.3 and errors["averaged"] > 1.0, errors
