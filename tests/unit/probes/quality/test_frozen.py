from __future__ import annotations

import numpy as np

from loam.probes.quality.frozen import frozen, nearest_in_time

NAN = np.nan


def test_soil_at_zero_degrees_is_frozen_and_air_does_not_overrule_it():
    soil, air = np.array([-1.0, 0.0, 0.5, 2.0]), np.full(4, -5.0)
    assert frozen([soil], air).tolist() == [True, True, False, False]


def test_the_next_depth_then_the_air_decide_where_the_nearest_depth_is_missing():
    nearest, next_depth = np.array([NAN, NAN, NAN]), np.array([-1.0, 3.0, NAN])
    assert frozen([nearest, next_depth], np.array([5.0, -5.0, -5.0])).tolist() == [True, False, True]


def test_limits_are_each_their_own():
    assert frozen([], np.array([-1.0, -3.0]), air_limit=-2.0).tolist() == [False, True]
    assert frozen([np.array([0.3])], None, soil_limit=0.5).tolist() == [True]


def test_without_a_temperature_nothing_is_frozen():
    assert not frozen([], None).any()
    assert not frozen([np.array([NAN])], np.array([NAN])).any()


def test_below_zero_agrees_with_the_ismn(ismn_flags, year):
    rng = np.random.default_rng(0)
    cold = rng.normal(3, 4, len(year["moisture"]))  # never exactly 0, where the two differ by intent
    assert (frozen([cold], None) == ismn_flags(year["moisture"], "D01", soil_temperature=cold)).all()
    assert (frozen([], cold) == ismn_flags(year["moisture"], "D02", air_temperature=cold)).all()


def test_a_temperature_counts_at_the_same_time_only():
    time, other = np.array([0, 10, 100]), np.array([1, 12, 50])
    found = nearest_in_time(time, other, np.array([1.0, 2.0, 3.0]), tolerance=np.int64(5))
    assert found[:2].tolist() == [1.0, 2.0]
    assert np.isnan(found[2])
    assert np.isnan(nearest_in_time(time, other, np.full(3, NAN), tolerance=np.int64(5))).all()
