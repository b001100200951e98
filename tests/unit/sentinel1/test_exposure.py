"""Incidence angles against the analytic ones, layover and shadow against brute force."""

import numpy as np
import pyproj
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from sentinel1_files import write_product
from sentinel1_landscapes import flown

from loam.sentinel1.exposure import incidence, layover_and_shadow, surroundings_of
from loam.sentinel1.geometry import earth_fixed, geodetic, zero_doppler
from loam.sentinel1.orbit import fit_orbit
from loam.sentinel1.positions import solve_positions
from loam.sentinel1.product import open_product
from loam.sentinel1.terrain import Terrain, net_of

METRES, SIDE, REACH = 80.0, 40, 3000.0
PASSES = {"descending": (136.0, 3.0), "ascending": (316.0, 147.0), "ascending at the date line": (350.0, 180.0)}


class View:
    """A piece of the map around the middle of a small image, with a surface of metres from the centre."""

    def __init__(self, path, surface, halo=2, metres=METRES):
        self.annotation = open_product(path).channel("vv").annotation
        self.orbit = fit_orbit(self.annotation.orbit, self.annotation.start, self.annotation.stop)
        points = self.annotation.points
        middle = len(points.line) // 2
        self.longitude, self.latitude = points.longitude[middle], points.latitude[middle]
        zone = int((self.longitude + 180) // 6) % 60 + 1
        self.crs = f"EPSG:{(32600 if self.latitude > 0 else 32700) + zone}"
        self.to_map = pyproj.Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)
        self.x, self.y = self.to_map.transform(self.longitude, self.latitude)
        self.surface, half = surface, SIDE / 2 * metres
        self.piece = GeoBox((SIDE, SIDE), Affine(metres, 0, self.x - half, 0, -metres, self.y + half), self.crs)
        posts = max(round(metres / 20), 1)
        around = net_of(self.piece, halo, posts)
        heights = surface(*self.from_centre(*self.centres(around)))
        self.terrain = Terrain(self.piece, heights, halo, posts)
        self.net = surroundings_of(self.piece, (metres, metres), REACH)
        self.heights = surface(*self.from_centre(*self.centres(self.net.geobox)))
        self.positions = solve_positions(
            self.annotation, self.orbit, self.piece, (self.heights.min(), self.heights.max()), metres,
            halo=self.net.halo,
        )  # fmt: skip

    def hidden(self, heights=None):
        """Layover and shadow."""
        heights = self.heights if heights is None else heights
        return layover_and_shadow(self.positions, self.net, heights, self.piece.shape)

    @staticmethod
    def centres(geobox):
        column, row = np.meshgrid(np.arange(geobox.shape[1]) + 0.5, np.arange(geobox.shape[0]) + 0.5)
        return geobox.transform @ (column, row)

    def from_centre(self, x, y):
        return x - self.x, y - self.y

    def earth_fixed(self, x, y, height):
        longitude, latitude = self.to_map.transform(x, y, direction="INVERSE")
        return earth_fixed(longitude, latitude, height)

    def height_below(self, points):
        """The surface's height where Earth-fixed points [..., 3] stand, and their own."""
        longitude, latitude, height = geodetic(points)
        return self.surface(*self.from_centre(*self.to_map.transform(longitude, latitude))), height


@pytest.fixture(scope="module", params=PASSES)
def path(request, tmp_path_factory):
    with flown(*PASSES[request.param]) as take:
        return write_product(tmp_path_factory.mktemp("pass"), take(polarisations=("vv",)), amplitude=None)


@pytest.mark.parametrize("slope", [(0.0, 0.0), (0.3, 0.0), (-0.2, 0.25), (0.1, -0.4)])
def test_local_incidence_on_a_tilted_plane_is_the_analytic_angle(path, slope):
    """Normal of the plane from its slopes, turned to true north; sight from the orbit at each place's zero Doppler."""
    view = View(path, lambda x, y: 500 + slope[0] * x + slope[1] * y)
    local, ellipsoidal = incidence(view.positions, view.terrain)
    x, y = view.centres(view.piece)
    point = view.earth_fixed(x, y, view.surface(*view.from_centre(x, y)))
    time, _ = zero_doppler(view.orbit, point.reshape(-1, 3), view.annotation.start)
    sight = view.orbit.position(time).reshape(point.shape) - point
    up = view.earth_fixed(x, y, 1.0) - view.earth_fixed(x, y, 0.0)
    east, north = (view.earth_fixed(x + dx, y + dy, 0.0) - view.earth_fixed(x, y, 0.0) for dx, dy in ((1, 0), (0, 1)))
    normal = np.cross(east + slope[0] * up, north + slope[1] * up)

    def angle(direction):
        cosine = (sight * direction).sum(-1) / np.linalg.norm(sight, axis=-1) / np.linalg.norm(direction, axis=-1)
        return np.degrees(np.arccos(cosine))

    np.testing.assert_allclose(local, angle(normal), atol=0.01)
    np.testing.assert_allclose(ellipsoidal, angle(up), atol=0.002)
    if slope != (0.0, 0.0):
        assert np.abs(local - ellipsoidal).min() > 2


def test_a_slope_that_faces_the_satellite_has_the_smaller_angle(path):
    """Descending passes look westward, so what faces east is steeply seen; ascending ones the other way round."""
    east = np.sign(View(path, lambda x, y: 0 * x).positions.look[1])
    facing = View(path, lambda x, y: 500 - 0.2 * east * x)  # falls towards the satellite
    local, ellipsoidal = incidence(facing.positions, facing.terrain)
    assert (local < ellipsoidal - 8).all()


def test_places_without_height_have_no_angle_and_their_neighbours_do(path):
    view = View(path, lambda x, y: 500 + 0.2 * x)
    full, _ = incidence(view.positions, view.terrain)
    heights = view.terrain.heights.copy()
    cut = (2 + 7) * 4
    heights[cut : cut + 4, cut : cut + 8] = np.nan
    local, ellipsoidal = incidence(view.positions, Terrain(view.piece, heights, 2, 4))
    assert np.isnan(local).sum() == np.isnan(ellipsoidal).sum() == 2
    np.testing.assert_allclose(local[6], full[6], atol=0.01)  # a plane is as steep on one side as on both
    np.testing.assert_allclose(local[7, 6], full[7, 6], atol=0.01)


def brute_force(view):
    """Layover and shadow of each pixel's centre, from rays and ranges in space and the surface itself.

    Layover: across the line of flight, from the satellite at the pixel's zero Doppler, some place nearer to it has no
    smaller distance or some farther one no larger. Shadow: the ray to the satellite runs into the ground.
    """
    x, y = view.centres(view.piece)
    point = view.earth_fixed(x, y, view.surface(*view.from_centre(x, y))).reshape(-1, 3)
    time, slant = zero_doppler(view.orbit, point, view.annotation.start)
    satellite = view.orbit.position(time)
    up = point / np.linalg.norm(point, axis=-1, keepdims=True)
    sight = (satellite - point) / slant[:, None]
    towards = sight - (sight * up).sum(-1, keepdims=True) * up
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    layover, shadow = np.zeros(len(point), bool), np.zeros(len(point), bool)
    for away in np.arange(20.0, 1600.0, 10.0):
        for sign in (1, -1):
            longitude, latitude, _ = geodetic(point + sign * away * towards)
            here = view.surface(*view.from_centre(*view.to_map.transform(longitude, latitude)))
            distance = np.linalg.norm(satellite - earth_fixed(longitude, latitude, here), axis=-1)
            layover |= distance > slant if sign > 0 else distance < slant
        ground, height = view.height_below(point + away * sight / np.sqrt(1 - (sight * up).sum(-1, keepdims=True) ** 2))
        shadow |= height < ground
    return layover.reshape(view.piece.shape), shadow.reshape(view.piece.shape)


def ridge(slope_east, slope_west, turn=10.0):
    """A ridge of 700 m along the flight, turned by some degrees: rises at one slope and falls at the other."""
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))

    def surface(x, y):
        across = x * cosine + y * sine
        return 300 + np.maximum(700 - np.where(across > 0, slope_east, slope_west) * np.abs(across), 0.0)

    return surface


@pytest.mark.parametrize(("slope_east", "slope_west"), [(1.2, 1.2), (2.0, 0.3), (0.3, 2.0)])
def test_layover_and_shadow_of_a_steep_ridge_are_what_rays_tell(path, slope_east, slope_west):
    view = View(path, ridge(slope_east, slope_west))
    layover, shadow = view.hidden()
    expected_layover, expected_shadow = brute_force(view)
    assert expected_layover.any() or expected_shadow.any()
    for found, expected in ((layover, expected_layover), (shadow, expected_shadow)):
        assert (found != expected).mean() < 0.04  # pixels that the border runs through
        assert found.sum() == pytest.approx(expected.sum(), abs=0.03 * found.size)
    if expected_layover.sum() > 100:
        assert (layover & expected_layover).sum() > 0.85 * expected_layover.sum()
    if expected_shadow.sum() > 100:
        assert (shadow & expected_shadow).sum() > 0.85 * expected_shadow.sum()


def test_flat_ground_is_all_seen(path):
    view = View(path, lambda x, y: 300 + 0 * x)
    layover, shadow = view.hidden()
    assert not layover.any() and not shadow.any()


def test_gentle_hills_are_all_seen(path):
    view = View(path, lambda x, y: 300 + 100 * np.sin(x / 700) * np.cos(y / 500))
    layover, shadow = view.hidden()
    assert not layover.any() and not shadow.any()


def test_a_hole_beside_a_ridge_neither_hides_nor_is_hidden(path):
    view = View(path, ridge(2.0, 0.3))
    heights = view.heights.copy()
    heights[:, : view.net.halo * 2 + 12] = np.nan
    layover, shadow = view.hidden(heights)
    hole = slice(None), slice(0, 6)
    assert not layover[hole].any() and not shadow[hole].any()


def test_fine_pixels_tell_the_same_ridge(path):
    view = View(path, ridge(2.0, 2.0), metres=10.0)
    layover, shadow = view.hidden()
    expected_layover, expected_shadow = brute_force(view)
    assert (layover != expected_layover).mean() < 0.05
    assert (shadow != expected_shadow).mean() < 0.05


@pytest.mark.parametrize(
    ("metres", "step", "halo"), [(10.0, 20.0, 300), (15.0, 15.0, 200), (80.0, 40.0, 38), (250.0, 41.67, 12)]
)
def test_the_net_reaches_as_far_as_asked_and_is_no_finer_than_needed(metres, step, halo):
    piece = GeoBox((31, 45), Affine(metres, 0, 500_000, 0, -metres, 4_000_000), "EPSG:32655")
    net = surroundings_of(piece, (metres, metres), REACH)
    assert net.geobox.transform.a == pytest.approx(step, rel=0.01)
    assert net.halo == halo
    assert net.geobox.transform.c == pytest.approx(500_000 - halo * metres)
    right = net.geobox.transform @ (net.geobox.shape[1], 0)
    assert 0 <= right[0] - (500_000 + (45 + halo) * metres) < step
