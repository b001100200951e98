"""Interpolated image positions against the exact solution, and what the satellite does not see."""

import numpy as np
import pyproj
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from sentinel1_files import Take, write_product
from sentinel1_landscapes import flown

from loam.sentinel1.geometry import earth_fixed, geodetic, ground_point, image_position
from loam.sentinel1.orbit import fit_orbit
from loam.sentinel1.positions import LINE, SAMPLE, between_node_rows, solve_positions
from loam.sentinel1.product import open_product
from loam.sentinel1.terrain import _image_row

HEIGHTS = (-50.0, 2500.0)


def opened(path):
    annotation = next(iter(open_product(path).channels.values())).annotation
    return annotation, fit_orbit(annotation.orbit, annotation.start, annotation.stop)


def piece_around(longitude, latitude, *, crs=None, metres=80.0, size=256):
    zone = int((longitude + 180) // 6) % 60 + 1
    crs = crs or f"EPSG:{(32600 if latitude > 0 else 32700) + zone}"
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
    step = metres / (111195.0 if pyproj.CRS(crs).is_geographic else 1.0)
    half = size / 2 * step
    return GeoBox((size, size), Affine(step, 0, x - half, 0, -step, y + half), crs)


def middle_of(annotation):
    place = np.argmin(
        np.hypot(annotation.points.line - annotation.lines / 2, annotation.points.sample - annotation.samples / 2)
    )
    return annotation.points.longitude[place], annotation.points.latitude[place]


def interpolated(positions, row, column, height):
    """Line and sample of points of a piece, by the compiled code of the terrain correction."""
    planes, degrees, node_rows, node_columns = positions.values.shape
    flat = positions.values.reshape(planes * degrees, node_rows, node_columns)
    nodes = np.empty((planes * degrees, node_columns))
    line, sample = np.empty((2, len(row), 1))
    for place in range(len(row)):
        between_node_rows(flat, (row[place] + positions.halo) / positions.step, nodes)
        at = (column[place] + positions.halo) / positions.step
        t = np.array([(height[place] - positions.middle) / positions.scale])
        cell = np.array([int(at)])
        _image_row(
            nodes, positions.breaks, positions.tilt, cell, at - cell, t, line[place], sample[place], 0, 1
        )  # fmt: skip
    return line[:, 0], sample[:, 0]


def exact(annotation, orbit, piece, row, column, height):
    x, y = piece.transform @ (column, row)
    longitude, latitude = pyproj.Transformer.from_crs(piece.crs.proj, "EPSG:4326", always_xy=True).transform(x, y)
    line, sample, _, _ = image_position(annotation, orbit, earth_fixed(longitude, latitude, height))
    return line, sample


def worst_error(path, **kwargs):
    """Largest error in lines and samples over what a piece has of the swath, off the lines where a polynomial ends."""
    annotation, orbit = opened(path)
    piece = piece_around(*middle_of(annotation), **kwargs)
    halo = 30
    metres = kwargs.get("metres", 80.0)
    positions = solve_positions(annotation, orbit, piece, HEIGHTS, metres, halo=halo)
    random = np.random.default_rng(1)
    row, column = random.uniform(-halo, piece.shape[0] + halo, (2, 3000))
    height = random.uniform(*HEIGHTS, 3000)
    line, sample = interpolated(positions, row, column, height)
    line_exact, sample_exact = exact(annotation, orbit, piece, row, column, height)
    places = line_exact + positions.tilt * sample_exact
    clear = np.abs(places[:, None] - positions.breaks).min(axis=1, initial=np.inf) > 0.05
    assert clear.mean() > 0.99
    clear &= (sample_exact > 0) & (sample_exact < annotation.samples)
    assert clear.sum() > 300
    return np.abs(line - line_exact).max(), np.abs(sample - sample_exact)[clear].max(), len(positions.breaks)


@pytest.mark.parametrize("version", ["2.36", "2.70", "3.31", "3.40"])
def test_positions_in_real_images_are_exact_to_a_hundredth_of_a_pixel(real_products, version):
    line, sample, breaks = worst_error(real_products[version])
    assert line < 0.01 and sample < 0.01
    assert breaks >= 3  # several ground range polynomials hold in 25 km, with jumps of whole samples between them


@pytest.mark.parametrize(("crs", "metres", "size"), [("EPSG:4326", 80.0, 60), (None, 250.0, 60), (None, 10.0, 300)])
def test_positions_are_exact_on_geographic_coarse_and_fine_grids(product_path, crs, metres, size):
    line, sample, _ = worst_error(product_path, crs=crs, metres=metres, size=size)
    assert line < 0.01 and sample < 0.01


@pytest.mark.parametrize("metres", [80.0, 10.0])
def test_bounds_hold_all_places_and_heights(product_path, metres):
    annotation, orbit = opened(product_path)
    piece = piece_around(*middle_of(annotation), metres=metres, size=100)
    positions = solve_positions(annotation, orbit, piece, HEIGHTS, metres)
    row, column = np.random.default_rng(2).uniform(0, 100, (2, 2000))
    line, sample = exact(annotation, orbit, piece, row, column, np.resize(HEIGHTS, 2000))
    low, high, left, right = positions.bounds()
    assert low - 0.01 < line.min() and line.max() < high + 0.01
    assert left - 0.01 < sample.min() and sample.max() < right + 0.01
    assert line.min() - low < 60 and right - sample.max() < 60  # and not much more


def test_reach_holds_the_samples_of_the_wanted_pixels_and_few_others(product_path):
    annotation, orbit = opened(product_path)
    piece = piece_around(*middle_of(annotation), metres=80.0, size=32)
    positions = solve_positions(annotation, orbit, piece, (150.0, 250.0), 80.0)
    wanted = np.zeros((32, 32), bool)
    wanted[10:20, 5:9] = True
    first, last = positions.reach(wanted, -500, 1500)
    row, column = np.random.default_rng(3).uniform(0, 1, (2, 2000))
    line, sample = exact(annotation, orbit, piece, 10 + 10 * row, 5 + 4 * column, np.full(2000, 200.0))
    place = np.floor(line).astype(int) + 500
    assert (first[place] <= sample).all() and (sample < last[place]).all()
    assert (last - first).sum() < 5 * wanted.sum() * 64  # of image pixels
    assert (first[:300] == last[:300]).all()  # lines that no wanted pixel falls on
    nothing = positions.reach(np.zeros((32, 32), bool), -500, 1500)
    assert (nothing[0] == nothing[1]).all()


def test_the_left_side_of_the_path_has_no_position(product_path):
    """A place as far to the left as the image is to the right has the same slant range, line and sample."""
    annotation, orbit = opened(product_path)
    middle = (annotation.start + annotation.stop) / 2
    satellite, velocity = orbit.position(middle), orbit.velocity(middle)
    seen = ground_point(annotation, orbit, np.array([150.0]), np.array([200.0]), 0.0)[0]
    across = np.cross(velocity, satellite)
    across /= np.linalg.norm(across)
    mirrored = seen - 2 * ((seen - satellite) @ across) * across
    _, _, _, slant = image_position(annotation, orbit, np.stack([seen, mirrored]))
    assert slant[1] == pytest.approx(slant[0], abs=100)
    right, left = (piece_around(*(value.item() for value in geodetic(each)[:2]), size=20) for each in (seen, mirrored))
    assert solve_positions(annotation, orbit, right, HEIGHTS, 80.0) is not None
    assert solve_positions(annotation, orbit, left, HEIGHTS, 80.0) is None


def test_places_far_off_the_take_have_no_position(product_path):
    annotation, orbit = opened(product_path)
    longitude, latitude = middle_of(annotation)
    for place in ((longitude, latitude - 20), (longitude, -latitude), (longitude + 180, -latitude), (longitude, 89.0)):
        assert solve_positions(annotation, orbit, piece_around(*place, size=20), HEIGHTS, 80.0) is None


def test_places_beside_the_swath_lie_beside_the_image(product_path):
    """The polynomials of the ground range hold for the swath only; 200 km beside it they could come back into it."""
    annotation, orbit = opened(product_path)
    longitude, latitude = middle_of(annotation)
    samples = []
    for away in np.arange(-1.0, 5.0, 0.25):  # degrees to the west, the far side of a descending pass
        positions = solve_positions(annotation, orbit, piece_around(longitude - away, latitude, size=4), HEIGHTS, 80.0)
        samples.append(np.nan if positions is None else positions.centre_places()[1].mean())
    samples = np.array(samples)[np.isfinite(samples)]
    assert len(samples) > 15
    assert (np.diff(samples) > 500).all()


@pytest.mark.parametrize(("argument", "towards"), [(136.0, 1), (316.0, -1)])
def test_descending_passes_look_westward_and_ascending_ones_eastward(tmp_path, argument, towards):
    """A right-looking satellite stands to the east of what it sees when it goes south, to the west when north."""
    with flown(argument, 147.0) as take:
        annotation, orbit = opened(write_product(tmp_path, take(), amplitude=None))
    positions = solve_positions(annotation, orbit, piece_around(*middle_of(annotation), size=32), HEIGHTS, 80.0)
    assert positions.look[1] * towards > 0.95


def test_nodes_know_satellite_ground_and_upright(product_path):
    annotation, orbit = opened(product_path)
    piece = piece_around(*middle_of(annotation), size=32)
    positions = solve_positions(annotation, orbit, piece, (100.0, 300.0), 80.0)
    satellite, ground, up = (positions.frame[3 * part : 3 * part + 3, 2, 3] for part in range(3))
    longitude, latitude, height = geodetic(ground)
    assert height == pytest.approx(200.0, abs=1e-3)
    np.testing.assert_allclose(up, earth_fixed(longitude, latitude, 1.0) - earth_fixed(longitude, latitude, 0.0))
    line, sample, time, slant = image_position(annotation, orbit, ground[None])
    np.testing.assert_allclose(satellite, orbit.position(time)[0], atol=0.01)
    assert np.linalg.norm(satellite - ground) == pytest.approx(slant[0], abs=1e-3)
    assert positions.values[LINE, 0, 2, 3] == pytest.approx(line[0], abs=1e-6)
    assert np.abs(positions.values[SAMPLE:, 0, 2, 3] - sample[0]).min() < 1e-6


def test_fields_at_nodes_are_spread_to_pixels_linearly(product_path):
    annotation, orbit = opened(product_path)
    positions = solve_positions(annotation, orbit, piece_around(*middle_of(annotation), size=32), HEIGHTS, 80.0, halo=7)
    rows, columns = positions.values.shape[2:]
    row, column = np.mgrid[0:rows, 0:columns] * positions.step - 7
    field = positions.spread(3.0 * row - column, (32, 32))
    row, column = np.mgrid[0:32, 0:32] + 0.5
    np.testing.assert_allclose(field, 3.0 * row - column, atol=1e-12)


def test_longer_takes_have_longer_polynomials_but_the_same_positions(tmp_path):
    line, sample, breaks = worst_error(write_product(tmp_path, Take(lines=3000, samples=900), amplitude=None))
    assert line < 0.01 and sample < 0.01 and breaks >= 3
