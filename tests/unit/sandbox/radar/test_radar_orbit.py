"""The synthetic Sentinel-1's path."""

import numpy as np
import pytest

from loam.errors import ConfigError
from loam.sandbox.radar.radar_orbit import (
    CYCLE_DAYS,
    DAY,
    PERIOD,
    RADIUS,
    Orbit,
    earth_fixed,
    geodetic,
    ground_point,
    orbit_over,
    passes_over,
    since_epoch,
    utc,
    zero_doppler,
)

ORBIT = Orbit(0.3)
NOON = since_epoch("2020-06-01T12:00:00")


def test_it_is_circular_and_repeats_after_twelve_days():
    time = NOON + np.linspace(0, PERIOD, 50)
    assert np.linalg.norm(ORBIT.position(time), axis=-1) == pytest.approx(RADIUS)
    assert ORBIT.position(time + CYCLE_DAYS * DAY) == pytest.approx(ORBIT.position(time), abs=1.0)


def test_velocity_is_how_the_position_changes():
    time = NOON + np.linspace(0, PERIOD, 9)
    change = (ORBIT.position(time + 0.5) - ORBIT.position(time - 0.5)) / 1.0
    assert change == pytest.approx(ORBIT.velocity(time), abs=0.01)
    assert np.linalg.norm(ORBIT.velocity(time), axis=-1) == pytest.approx(7590, abs=60)


def test_the_ascending_node_is_passed_at_six_in_the_evening_local_time():
    for day in range(3):
        node = ORBIT.node_time(NOON + day * 40_000.0)
        longitude, latitude, _ = geodetic(ORBIT.position(node))
        hour = (node % DAY) / 3600 + longitude / 15
        assert latitude == pytest.approx(0, abs=1e-3)
        assert ORBIT.velocity(node)[2] > 0
        assert hour % 24 == pytest.approx(18, abs=1e-3)


@pytest.mark.parametrize("direction", ["ascending", "descending"])
@pytest.mark.parametrize("latitude", [-42.0, 0.0, 65.0])
def test_a_place_is_seen_as_asked_and_again_after_twelve_days(latitude, direction):
    orbit = orbit_over(147.0, latitude, "2020-01-05", incidence=38.0, direction=direction)
    passes = passes_over(orbit, 147.0, latitude, "2020-01-05", "2020-01-28")
    own = [each for each in passes if each.direction == direction and abs(each.incidence - 38) < 1e-4]
    assert [str(utc(each.time))[:10] for each in own] == ["2020-01-05", "2020-01-17"]
    assert own[1].time - own[0].time == pytest.approx(CYCLE_DAYS * DAY)
    assert orbit.relative(own[0].time) == orbit.relative(own[1].time)
    assert orbit.number(own[1].time) - orbit.number(own[0].time) == 175
    assert [each.time for each in passes] == sorted(each.time for each in passes)
    assert all(29 <= each.incidence <= 46 and 1 <= orbit.relative(each.time) <= 175 for each in passes)


def test_the_satellite_looks_to_its_right():
    orbit = orbit_over(147.0, -42.0, "2020-01-05", incidence=38.0, direction="ascending")
    seen = passes_over(orbit, 147.0, -42.0, "2020-01-05", "2020-01-05")[0]
    west, _, _ = geodetic(orbit.position(seen.time))
    assert west < 147.0


def test_a_ground_point_is_where_zero_doppler_says():
    orbit = orbit_over(147.0, -42.0, "2020-01-05", incidence=38.0, direction="descending")
    seen = passes_over(orbit, 147.0, -42.0, "2020-01-05", "2020-01-05")[0]
    height = np.array([0.0, 1500.0, -30.0])
    place = earth_fixed(np.array([147.0, 146.9, 147.2]), np.array([-42.0, -42.1, -41.9]), height)
    time, slant = zero_doppler(orbit, place, seen.time)
    along = ((place - orbit.position(time)) * orbit.velocity(time)).sum(-1)
    assert along / 7590 == pytest.approx(0, abs=1e-3)
    assert ground_point(orbit, time, slant, height) == pytest.approx(place, abs=0.01)


def test_a_place_that_no_pass_sees_is_refused():
    with pytest.raises(ConfigError, match="no ascending pass"):
        orbit_over(0.0, 89.0, "2020-01-05", incidence=38.0, direction="ascending")


def test_no_orbit_has_a_number_before_the_first():
    with pytest.raises(ConfigError, match="no Sentinel-1 flew"):
        ORBIT.number(since_epoch("2013-01-01"))
