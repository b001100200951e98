"""Where a point on the Earth is in the image, against ESA's own solution, and the way back."""

import dataclasses

import numpy as np
import pytest
from sentinel1_files import Take, state, write_product

from loam.errors import RasterError
from loam.sentinel1.annotation import GroundRange
from loam.sentinel1.geometry import (
    earth_fixed,
    geodetic,
    ground_point,
    image_position,
    incidence_angle,
    nearest_record,
    to_ground_range,
    to_slant_range,
    zero_doppler,
)
from loam.sentinel1.orbit import fit_orbit
from loam.sentinel1.product import open_product

LAST_LINES = 0.5  # s; ground range records of IPF 2.36 end up to 0.68 s before the last line


def residuals(annotation):
    """Ours minus ESA's at the geolocation points: line, sample, slant range (m), incidence from the Earth's centre."""
    points = annotation.points
    orbit = fit_orbit(annotation.orbit, annotation.start, annotation.stop)
    place = earth_fixed(points.longitude, points.latitude, points.height)
    line, sample, time, slant = image_position(annotation, orbit, place)
    sight = orbit.position(time) - place
    cosine = (sight * place).sum(-1) / np.linalg.norm(sight, axis=1) / np.linalg.norm(place, axis=1)
    return (
        line - points.line, sample - points.sample, slant - points.slant_range,
        np.degrees(np.arccos(cosine)) - points.incidence,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "line_limit", "sample_limit"),
    [("3.31", 0.005, 0.002), ("3.40", 0.005, 0.002), ("2.70", 0.06, 0.002), ("2.36", 0.008, None),
     ("2.36 first slice", 0.008, None), ("2.36 second slice", 0.008, None)],
)  # fmt: skip
def test_esas_geolocation_points_come_back(real_products, name, line_limit, sample_limit):
    """What is left in 2.70, half a metre along the path, and in 2.36's last lines: docs/explanation/sentinel1.md."""
    for channel in open_product(real_products[name]).channels.values():
        annotation = channel.annotation
        line, sample, slant, incidence = residuals(annotation)
        assert len(line) >= 200
        assert np.abs(line).max() < line_limit
        assert np.abs(slant).max() < 5e-4
        assert np.abs(incidence).max() < 1e-7
        covered = annotation.points.time < annotation.ground_range.time[-1] + LAST_LINES
        assert np.abs(sample[covered]).max() < 0.002
        if sample_limit:
            assert covered.all()
        else:
            assert 1 < np.abs(sample[~covered]).max() < 3


def test_the_record_that_lacks_in_236_stands_in_the_next_slice(real_products):
    """The last lines of a 2.36 product were made with a ground range polynomial that only its successor annotates."""
    first = open_product(real_products["2.36 first slice"]).channel("vv").annotation
    second = open_product(real_products["2.36 second slice"]).channel("vv").annotation
    last = first.points.line == first.points.line.max()
    time, sample = first.points.time[last], first.points.sample[last]
    own = to_slant_range(first.ground_range, time, sample * first.sample_spacing)
    theirs = to_slant_range(second.ground_range, time, sample * first.sample_spacing)
    assert np.abs(own - first.points.slant_range[last]).max() > 10
    assert np.abs(theirs - first.points.slant_range[last]).max() < 0.01


@pytest.mark.parametrize("take", [Take(), Take(height=350.0, lines=1500), Take(samples=24000, noise="stripmap")])
def test_points_solved_by_other_means_come_back(tmp_path, take):
    annotation = open_product(write_product(tmp_path, take, amplitude=None)).channel("vv").annotation
    line, sample, slant, incidence = residuals(annotation)
    assert np.abs(line).max() < 1e-3  # times of the points are rounded to a microsecond
    assert np.abs(sample).max() < 2e-3
    assert np.abs(slant).max() < 2e-3
    assert np.abs(incidence).max() < 1e-5


def test_incidence_is_taken_from_the_ellipsoids_normal_and_differs_from_the_annotated_one(channel, orbit):
    points = channel.annotation.points
    place = earth_fixed(points.longitude, points.latitude, points.height)
    ours = incidence_angle(orbit, place, points.time)
    assert (np.abs(ours - points.incidence) < 0.2).all()
    # straight under the satellite the angle is 0, wherever it is
    longitude, latitude, _ = geodetic(orbit.position(points.time[:1]))
    below = earth_fixed(longitude, latitude, 0.0)
    assert incidence_angle(orbit, below, points.time[:1])[0] < 1e-3


def test_geodetic_undoes_earth_fixed_everywhere():
    longitude, latitude = np.meshgrid(np.linspace(-180, 180, 25)[1:], np.linspace(-90, 90, 37))
    for height in (-400.0, 0.0, 8800.0, 700_000.0):
        back = geodetic(earth_fixed(longitude, latitude, height))
        np.testing.assert_allclose(back[1], latitude, atol=1e-9)
        np.testing.assert_allclose(back[2], height, atol=1e-6)
        inner = np.abs(latitude) < 90
        np.testing.assert_allclose(back[0][inner], longitude[inner], atol=1e-9)


def test_earth_fixed_agrees_with_proj():
    import pyproj

    longitude, latitude, height = np.array([12.5, -70.0]), np.array([41.9, -33.0]), np.array([50.0, 3000.0])
    theirs = pyproj.Transformer.from_crs(4979, 4978, always_xy=True).transform(longitude, latitude, height)
    np.testing.assert_allclose(earth_fixed(longitude, latitude, height), np.stack(theirs, axis=-1), atol=1e-6)


def test_zero_doppler_is_square_to_the_path_from_any_guess(channel, orbit):
    points = channel.annotation.points
    place = earth_fixed(points.longitude, points.latitude, points.height)
    answers = [zero_doppler(orbit, place, channel.annotation.start + guess) for guess in (-30.0, 0.0, 30.0)]
    for time, slant in answers:
        sight = place - orbit.position(time)
        assert (
            np.abs((sight * orbit.velocity(time)).sum(-1) / np.linalg.norm(orbit.velocity(time), axis=1)).max() < 1e-3
        )
        np.testing.assert_allclose(slant, np.linalg.norm(sight, axis=1))
        np.testing.assert_allclose(time, answers[1][0], atol=1e-8)


def test_point_that_is_not_to_be_computed_stays_nan(orbit, channel):
    place = earth_fixed(np.array([np.nan, -39.1]), np.array([44.0, 44.3]), 0.0)
    time, slant = zero_doppler(orbit, place, channel.annotation.start)
    assert np.isnan(time[0]) and np.isnan(slant[0])
    assert np.isfinite(time[1]) and np.isfinite(slant[1])


def records(time):
    count = len(time)
    flat = np.tile([0.0, 2.0], (count, 1)) + np.arange(count)[:, None] * [1.0, 0.0]
    return GroundRange(np.asarray(time, float), np.zeros(count), flat, np.zeros(count), flat)


@pytest.mark.parametrize(("time", "wanted"), [(-9, 0), (0.49, 0), (0.51, 1), (1.2, 1), (1.7, 2), (99, 2)])
def test_polynomial_nearest_in_time_is_used(time, wanted):
    assert nearest_record(records([0, 1, 2]), np.array([time]))[0] == wanted
    assert to_ground_range(records([0, 1, 2]), np.array([time]), np.array([3.0]))[0] == wanted + 6


def test_one_polynomial_serves_the_whole_image():
    np.testing.assert_array_equal(nearest_record(records([5]), np.array([-9.0, 99.0])), 0)


@pytest.mark.parametrize("height", [0.0, 1234.5])
@pytest.mark.parametrize("name", ["synthetic", "2.36", "3.40"])
def test_ground_point_is_where_the_image_shows_it(request, product_path, name, height):
    path = product_path if name == "synthetic" else request.getfixturevalue("real_products")[name]
    annotation = open_product(path).channel("vv").annotation
    orbit = fit_orbit(annotation.orbit, annotation.start, annotation.stop)
    line, sample = np.meshgrid(
        np.linspace(0, annotation.lines - 1, 9), np.linspace(0, annotation.samples - 1, 11), indexing="ij"
    )
    point = ground_point(annotation, orbit, line.ravel(), sample.ravel(), height)
    np.testing.assert_allclose(geodetic(point)[2], height, atol=1e-5)
    found_line, found_sample, *_ = image_position(annotation, orbit, point)
    np.testing.assert_allclose(found_line, line.ravel(), atol=1e-4)
    np.testing.assert_allclose(found_sample, sample.ravel(), atol=2e-3)


def test_ground_point_lies_to_the_right_of_the_path(channel, orbit):
    point = ground_point(channel.annotation, orbit, np.array([0.0]), np.array([0.0]), 0.0)[0]
    place, velocity = state(0.0)
    assert np.cross(velocity, point - place) @ place < 0


def test_height_above_the_satellite_is_an_error(channel, orbit):
    with pytest.raises(RasterError, match="no ground point"):
        ground_point(channel.annotation, orbit, np.array([0.0]), np.array([0.0]), 2.0e6)


def test_height_moves_a_point_towards_the_satellite(channel, orbit):
    """A mountain is nearer than the plain it stands on: it leans to the near side of the image."""
    points = channel.annotation.points
    low = image_position(channel.annotation, orbit, earth_fixed(points.longitude, points.latitude, points.height))
    high = image_position(
        channel.annotation, orbit, earth_fixed(points.longitude, points.latitude, points.height + 100)
    )
    shift = (high[1] - low[1]) * channel.annotation.sample_spacing
    np.testing.assert_allclose(shift, -100 / np.tan(np.radians(points.incidence)), rtol=0.01)


def test_another_reference_range_moves_lines_only(channel, orbit):
    points = channel.annotation.points
    place = earth_fixed(points.longitude, points.latitude, points.height)
    moved = dataclasses.replace(channel.annotation, reference_range=channel.annotation.reference_range + 30_000)
    ours, theirs = image_position(channel.annotation, orbit, place), image_position(moved, orbit, place)
    np.testing.assert_allclose(theirs[0] - ours[0], 30_000 / 299792458.0 / 1.5e-3)
    np.testing.assert_array_equal(theirs[1], ours[1])
