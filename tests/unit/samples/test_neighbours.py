"""What the other probes of the day say."""

import numpy as np
import pytest

from loam.samples.neighbours import anomalies_at, same_day_anomaly, station_anomalies

DEGREE = 2 * np.pi * 6371.0088 / 360  # km along a meridian
NONE = np.nan


def one_layer(*stations: list[float]) -> np.ndarray:
    return np.array(stations)[:, :, None]


@pytest.fixture
def places():
    return np.array([0.0, 1.0, 3.0]), np.zeros(3)  # 1 and 2 degrees apart along a meridian


@pytest.fixture
def network():
    generator = np.random.default_rng(3)
    moisture = generator.uniform(0.1, 0.4, (6, 40, 2))
    moisture[generator.uniform(size=moisture.shape) < 0.3] = NONE
    training = generator.uniform(size=(6, 40)) < 0.8
    training[4] = False  # held out
    return moisture, training, generator.uniform(-35, -34, 6), generator.uniform(147, 148, 6)


def test_near_stations_weigh_more_by_the_square_of_their_distance(places):
    moisture = one_layer([0.10, 0.10, 0.10], [0.20, 0.30, 0.40], [0.36, 0.30, 0.30])
    value, count = same_day_anomaly(moisture, np.ones((3, 3), bool), *places)
    # anomalies: station 1 -0.1, 0, 0.1; station 2 0.04, -0.02, -0.02. Seen from 0: weights 1/1 and 1/9 square degrees
    expected = np.array([-0.1 + 0.04 / 9, -0.02 / 9, 0.1 - 0.02 / 9]) / (1 + 1 / 9)
    assert value[0, :, 0] == pytest.approx(expected)
    # seen from 1, station 0 (anomalies 0) at 1 degree and station 2 at 2 degrees
    assert value[1, :, 0] == pytest.approx([0.04 / 4 / 1.25, -0.02 / 4 / 1.25, -0.02 / 4 / 1.25])
    assert (count == 2).all()


def test_a_power_of_one_and_a_floor_change_the_weights_as_they_say(places):
    moisture = one_layer([0.10, 0.10], [0.20, 0.40], [0.36, 0.30])
    training = np.ones((3, 2), bool)
    first, _ = same_day_anomaly(moisture, training, *places, power=1.0)
    assert first[0, 0, 0] == pytest.approx((-0.1 + 0.03 / 3) / (4 / 3))
    alike, _ = same_day_anomaly(moisture, training, *places, floor_km=4 * DEGREE)
    assert alike[0, 0, 0] == pytest.approx((-0.1 + 0.03) / 2)


def test_only_who_reports_on_the_day_counts_and_nobody_is_zero(places):
    moisture = one_layer([0.1, 0.1, 0.1], [0.2, NONE, NONE], [0.3, 0.5, NONE])
    value, count = same_day_anomaly(moisture, np.ones((3, 3), bool), *places)
    assert count[0, :, 0].tolist() == [2, 1, 0]
    assert value[0, 1, 0] == pytest.approx(0.1) and value[0, 2, 0] == 0.0


def test_the_mean_of_a_station_is_that_of_its_training_days(places):
    moisture = one_layer([0.1, 0.1, 0.1], [0.2, 0.4, 9.0], [NONE, NONE, NONE])
    training = np.array([[True] * 3, [True, True, False], [True] * 3])
    value, count = same_day_anomaly(moisture, training, *places)
    assert value[0, :, 0] == pytest.approx([-0.1, 0.1, 0.0])
    assert count[0, :, 0].tolist() == [1, 1, 0]


def test_impossible_values_that_do_not_train_change_no_bit(network):
    moisture, training, *places = network
    planted = moisture.copy()
    planted[~training] = -1e30
    for clean, spoilt in zip(
        same_day_anomaly(moisture, training, *places), same_day_anomaly(planted, training, *places), strict=True
    ):
        assert np.array_equal(clean, spoilt)


def test_a_station_learns_nothing_from_itself_and_the_others_do(network):
    moisture, training, *places = network
    planted = moisture.copy()
    planted[2, ::2] += 5.0
    (clean, _), (spoilt, _) = (same_day_anomaly(rows, training, *places) for rows in (moisture, planted))
    assert np.array_equal(clean[2], spoilt[2])
    assert all(abs(clean[other] - spoilt[other]).max() > 0.01 for other in (0, 1, 3, 4, 5))


def test_each_layer_is_its_own(network):
    moisture, training, *places = network
    both = same_day_anomaly(moisture, training, *places)
    for layer in (0, 1):
        alone = same_day_anomaly(moisture[:, :, [layer]], training, *places)
        for one, two in zip(alone, both, strict=True):
            assert one[:, :, 0] == pytest.approx(two[:, :, layer], abs=1e-15)


def test_a_pixel_at_a_held_out_station_reads_what_the_station_reads(network):
    moisture, training, latitude, longitude = network
    value, count = same_day_anomaly(moisture, training, latitude, longitude)
    at = anomalies_at(latitude[[4]], longitude[[4]], *station_anomalies(moisture, training), latitude, longitude)
    assert at[0][0] == pytest.approx(value[4], abs=1e-15) and np.array_equal(at[1][0], count[4])
    assert abs(at[0]).max() > 0.01


def test_stations_at_one_place_share_their_anomaly_evenly():
    moisture = one_layer([0.1, 0.1], [0.2, 0.4], [0.5, 0.3])
    value, count = same_day_anomaly(moisture, np.ones((3, 2), bool), np.full(3, -35.0), np.full(3, 147.0))
    assert value[0, :, 0] == pytest.approx([0.0, 0.0], abs=1e-15)  # -0.1 and 0.1, of two alike
    assert value[1, :, 0] == pytest.approx([0.05, -0.05])
    assert np.isfinite(value).all() and (count == 2).all()


def test_one_station_and_a_fold_without_training_days_have_no_neighbours(network):
    moisture, training, latitude, longitude = network
    alone = same_day_anomaly(moisture[:1], training[:1], latitude[:1], longitude[:1])
    nobody = same_day_anomaly(moisture, np.zeros_like(training), latitude, longitude)
    for value, count in (alone, nobody):
        assert not value.any() and not count.any()
