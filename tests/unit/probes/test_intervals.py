"""Which soil a sensor stands for, and which sensors stay where they overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loam.errors import TableError
from loam.probes.intervals import SensorInterval, sensor_intervals, without_overlaps


def edges(depths):
    return [(sensor.top, sensor.bottom) for sensor in sensor_intervals(depths)]


def reaches(depths):
    return [(sensor.reach_top, sensor.reach_bottom) for sensor in sensor_intervals(depths)]


def points(*depths):
    return [(float(depth), float(depth)) for depth in depths]


def test_points_reach_from_the_surface_halfway_to_their_neighbours_and_the_last_as_far_down_as_up():
    assert edges(points(5, 10, 20, 50, 100)) == [(0, 7.5), (7.5, 15), (15, 35), (35, 75), (75, 125)]


def test_a_lone_shallow_point_reaches_from_the_surface_to_twice_its_depth():
    assert edges(points(5)) == [(0, 10)]


def test_a_deep_uppermost_sensor_reaches_up_as_far_as_down_and_not_to_the_surface():
    assert edges(points(20, 60))[0] == (0, 40)
    assert edges(points(30, 60))[0] == (15, 45)
    assert reaches([(25.0, 35.0), (45.0, 55.0)])[0] == (20, 40)
    assert reaches([(30.0, 60.0)]) == [(30, 60)]
    assert edges(points(60, 200))[0] == (30, 130), "never more than halfway to the surface"


@pytest.mark.parametrize(("depth", "stands_for"), [(8, (0, 16)), (10, (0, 20)), (15, (5, 25)), (100, (90, 110))])
def test_a_lone_point_reaches_10_cm_at_most(depth, stands_for):
    assert edges(points(depth)) == [stands_for]


def test_the_order_in_a_file_does_not_matter():
    assert edges(points(50, 5, 20)) == [(35, 65), (0, 12.5), (12.5, 35)]


def test_interval_sensors_are_taken_as_they_are_and_share_out_the_soil_between_them():
    depths = [(0.0, 5.0), (20.0, 25.0), (50.0, 60.0)]
    assert edges(depths) == depths
    assert reaches(depths) == [(0, 12.5), (12.5, 37.5), (37.5, 60)]


def test_a_first_interval_below_the_surface_stands_for_what_is_above_it():
    assert reaches([(3.0, 8.0)]) == [(0, 8)]


def test_a_point_between_intervals_reaches_halfway_to_their_edges():
    assert edges([(0.0, 5.0), *points(20), (40.0, 60.0)])[1] == (12.5, 30)


def test_a_point_inside_an_interval_does_not_see_it_as_a_neighbour():
    assert edges([(0.0, 30.0), *points(5)]) == [(0, 30), (0, 10)]


@pytest.mark.parametrize(
    ("depths", "says"),
    [
        (points(0), "point sensor at 0 cm has no soil"),
        ([(0.0, 5.0), (5.0, 5.0)], "point sensor at 5 cm has no soil"),
        ([(10.0, 5.0)], "10 to 5 cm"),
        ([(-5.0, 5.0)], "-5 to 5 cm"),
        ([(0.0, float("nan"))], "nan"),
        (points(5, 10, 5), "two sensors at 5-5 cm"),
    ],
)
def test_impossible_depths_are_refused(depths, says):
    with pytest.raises(TableError, match=says):
        sensor_intervals(depths)


def kept(*depths):
    sensors = sensor_intervals(list(depths))
    return [(sensors[place].top, sensors[place].bottom) for place in without_overlaps(sensors)]


def test_sensors_that_share_no_depth_all_stay():
    assert kept((30.0, 60.0), (0.0, 30.0)) == [(0, 30), (30, 60)]


def test_a_short_sensor_goes_where_a_longer_one_measures_the_same_soil():
    assert kept((0.0, 5.0), (0.0, 30.0), (30.0, 60.0), (60.0, 90.0)) == [(0, 30), (30, 60), (60, 90)]


def test_one_long_sensor_goes_where_several_cover_as_much():
    assert kept((0.0, 100.0), (0.0, 30.0), (30.0, 100.0)) == [(0, 30), (30, 100)]


def test_of_equals_the_higher_stays():
    assert kept((10.0, 30.0), (0.0, 20.0)) == [(0, 20)]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=7))
def test_no_other_choice_without_overlaps_covers_more(pairs):
    sensors = [SensorInterval(top, top + thick, top, top + thick, measured=True) for top, thick in pairs]

    def covers(places):
        own = sorted((sensors[place].top, sensors[place].bottom) for place in places)
        apart = all(lower[0] >= upper[1] for upper, lower in zip(own, own[1:], strict=False))
        return (sum(bottom - top for top, bottom in own), len(own)) if apart else (-1, 0)

    choices = [[place for place in range(len(sensors)) if bits >> place & 1] for bits in range(2 ** len(sensors))]
    assert covers(without_overlaps(sensors)) == max(map(covers, choices))
