"""The equal-area spline keeps what was measured, is as smooth as it can be, and is linear in what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loam.errors import ConfigError, TableError
from loam.probes.spline import layer_weights, spline_matrices

TOUCHING = [(0, 7.5), (7.5, 15), (15, 35), (35, 75), (75, 125)]  # USCRN's sensors
APART = [(0, 5), (10, 15), (30, 40), (60, 100)]
LAYERS = [(0, 30), (30, 60)]
VALUES = {5: np.array([0.12, 0.15, 0.22, 0.31, 0.28]), 4: np.array([0.10, 0.18, 0.25, 0.33])}


def kriged_means(intervals, values, layers, smoothing):
    """The same minimum by another road: no slopes, no pieces, no R and Q.

    The function that minimises misfit plus lambda * integral f'^2 is a constant plus a sum of the intervals' means of
    the generalised covariance -|x - x'| / 2, with coefficients that sum to zero.
    """

    def second_integral(x):
        return -(np.abs(x) ** 3) / 12  # of -|x| / 2, twice

    def covariance(a, b):
        (t, u), (v, w) = a, b
        whole = second_integral(t - w) - second_integral(t - v) - second_integral(u - w) + second_integral(u - v)
        return whole / ((u - t) * (w - v))

    n = len(intervals)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = [[covariance(a, b) for b in intervals] for a in intervals]
    system[:n, :n] += n * smoothing * np.eye(n)
    system[:n, n] = system[n, :n] = 1
    solution = np.linalg.solve(system, np.append(values, 0))
    return [np.dot([covariance(layer, b) for b in intervals], solution[:n]) + solution[n] for layer in layers]


def numeric_means(intervals, values, layers, smoothing, step):
    """Dense least squares over a function that is linear between nodes ``step`` cm apart."""
    depth = np.arange(0, max(map(max, [*intervals, *layers])) + step / 2, step)

    def mean_over(top, bottom):
        weight = np.zeros(len(depth))
        inside = (depth > top - step / 4) & (depth < bottom + step / 4)
        weight[inside] = step
        weight[[np.flatnonzero(inside)[0], np.flatnonzero(inside)[-1]]] = step / 2
        return weight / (bottom - top)

    misfit = np.array([mean_over(*interval) for interval in intervals]) / np.sqrt(len(intervals))
    rough = np.sqrt(smoothing / step) * np.diff(np.eye(len(depth)), axis=0)
    wanted = np.append(values / np.sqrt(len(intervals)), np.zeros(len(rough)))
    f = np.linalg.lstsq(np.vstack([misfit, rough]), wanted, rcond=None)[0]
    return [mean_over(*layer) @ f for layer in layers]


@pytest.mark.parametrize("intervals", [TOUCHING, APART], ids=["touching", "apart"])
@pytest.mark.parametrize("smoothing", [1e-3, 0.1, 10, 1000])
def test_layers_are_those_of_the_minimum_found_by_kriging(intervals, smoothing):
    values = VALUES[len(intervals)]
    layers = [*LAYERS, (0, 3), (5, 10), (12, 33), (100, 160), (90, 91)]
    expected = kriged_means(intervals, values, layers, smoothing)
    np.testing.assert_allclose(layer_weights(intervals, layers, smoothing) @ values, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("intervals", [TOUCHING, APART], ids=["touching", "apart"])
@pytest.mark.parametrize("smoothing", [0.1, 10])
def test_layers_are_those_of_the_minimum_found_by_least_squares_on_a_fine_grid(intervals, smoothing):
    values = VALUES[len(intervals)]
    coarse, fine = (np.array(numeric_means(intervals, values, LAYERS, smoothing, step)) for step in (0.5, 0.25))
    expected = fine + (fine - coarse) / 3  # the grid's error falls with the square of its step
    np.testing.assert_allclose(layer_weights(intervals, LAYERS, smoothing) @ values, expected, rtol=0, atol=2e-6)


def test_two_touching_intervals_worked_by_hand():
    # h = 10, 10: R = 40, Q = (-1, 1), 6 n lambda Q' R^-1 Q = 1.2 / 40 (1 -1; -1 1) with lambda 0.1
    # the difference of the means shrinks by 1 / (1 + 2 * 0.03), their sum stays
    means, slopes = spline_matrices([(0, 10), (10, 20)], 0.1)
    upper, lower = 0.25 - 0.05 / 1.06, 0.25 + 0.05 / 1.06
    np.testing.assert_allclose(means @ [0.2, 0.3], [upper, lower], atol=1e-14)
    np.testing.assert_allclose(slopes @ [0.2, 0.3], [0, 6 * (lower - upper) / 40, 0], atol=1e-14)


def test_a_gap_is_bridged_by_a_straight_line():
    # 0-10 and 20-30 cm: R = 2 (10 + 10) + 6 * 10 = 100, slope in the gap 6 * 0.1 / 100 = 0.006 per cm
    # at 10 cm: mean 0.2 + 10 * 0.006 / 2 - 10 * 0.006 / 6 = 0.22; at 15 cm 0.25
    weights = layer_weights([(0, 10), (20, 30)], [(10, 20), (10, 12), (0, 10), (25, 60)], smoothing=0)
    assert weights[:3] @ [0.2, 0.3] == pytest.approx([0.25, 0.226, 0.2], abs=1e-14)
    # the quadratic of 20-30 cm: 0.28 + 0.006 t - 0.0003 t^2 from t = 5 to 10, then 0.31 down to 60 cm
    below = (0.28 * 5 + 0.003 * 75 - 0.0001 * 875 + 0.31 * 30) / 35
    assert weights[3] @ [0.2, 0.3] == pytest.approx(below, abs=1e-14)


@pytest.mark.parametrize("intervals", [TOUCHING, APART], ids=["touching", "apart"])
@pytest.mark.parametrize("smoothing", [0, 1e-12])
def test_interval_means_are_kept_as_lambda_goes_to_zero(intervals, smoothing):
    values = VALUES[len(intervals)]
    np.testing.assert_allclose(layer_weights(intervals, intervals, smoothing) @ values, values, rtol=0, atol=1e-9)


def test_a_large_lambda_gives_the_mean_of_all_depths_everywhere():
    np.testing.assert_allclose(layer_weights(TOUCHING, LAYERS, 1e9), 0.2, atol=1e-5)


def test_lambda_is_a_length():
    centimetres = layer_weights(APART, LAYERS, 0.1)
    metres = layer_weights(np.array(APART) / 100, np.array(LAYERS) / 100, 0.1 / 100)
    np.testing.assert_allclose(centimetres, metres, atol=1e-12)


def test_smoothing_makes_a_profile_smoother_and_fits_it_less():
    values = np.array([0.1, 0.4, 0.1, 0.4, 0.1])
    misfit = [np.sum((spline_matrices(TOUCHING, lam)[0] @ values - values) ** 2) for lam in (0, 0.1, 1, 10)]
    steepest = [np.abs(spline_matrices(TOUCHING, lam)[1] @ values).max() for lam in (0, 0.1, 1, 10)]
    assert misfit == sorted(misfit) and steepest == sorted(steepest, reverse=True)


def test_no_soil_is_left_between_layers():
    parts = layer_weights(APART, [(0, 13), (13, 32), (32, 120)], 0.1)
    whole = layer_weights(APART, [(0, 120)], 0.1)
    np.testing.assert_allclose(np.array([13, 19, 88]) @ parts / 120, whole[0], atol=1e-13)


@st.composite
def layouts(draw):
    """Intervals of 0.5 to 60 cm, some touching, and a layer anywhere."""
    size = st.floats(0.5, 60)
    gaps = draw(st.lists(st.one_of(st.just(0.0), size), min_size=1, max_size=8))
    edges = np.cumsum([length for gap in gaps for length in (gap, draw(size))])
    top = draw(st.floats(0, float(edges[-1])))
    return edges.reshape(-1, 2), (top, top + draw(size)), draw(st.floats(0, 100))


@settings(max_examples=60, deadline=None)
@given(layouts())
def test_a_constant_profile_stays_constant(layout):
    intervals, layer, smoothing = layout
    np.testing.assert_allclose(layer_weights(intervals, [layer], smoothing).sum(axis=1), 1, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(layouts(), st.randoms(use_true_random=False))
def test_any_layout_has_the_minimum_found_by_kriging(layout, random):
    intervals, layer, smoothing = layout
    values = np.array([random.uniform(0, 0.5) for _ in intervals])
    smoothing = max(smoothing, 1e-3)
    expected = kriged_means(intervals, values, [layer], smoothing)
    np.testing.assert_allclose(layer_weights(intervals, [layer], smoothing) @ values, expected, rtol=0, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(layouts())
def test_a_profile_turned_upside_down_gives_the_layer_turned_upside_down(layout):
    intervals, layer, smoothing = layout
    deepest = max(intervals[-1, 1], layer[1])
    turned = (deepest - intervals)[::-1, ::-1]
    weights = layer_weights(turned, [(deepest - layer[1], deepest - layer[0])], smoothing)
    np.testing.assert_allclose(weights[0, ::-1], layer_weights(intervals, [layer], smoothing)[0], atol=1e-8)


@pytest.mark.parametrize(
    ("intervals", "says"),
    [
        ([(0, 10), (5, 20)], "0-10 and 5-20 cm overlap"),
        ([(10, 20), (0, 10)], "10-20 and 0-10 cm overlap or stand in the wrong order"),
        ([(0, 10), (20, 20)], "20-20 cm is empty"),
        ([], "no depth interval"),
    ],
)
def test_intervals_that_make_no_profile_are_refused(intervals, says):
    with pytest.raises(TableError, match=says):
        layer_weights(intervals, LAYERS)


@pytest.mark.parametrize("smoothing", [-0.1, float("nan"), float("inf")])
def test_lambda_must_be_a_number_not_below_zero(smoothing):
    with pytest.raises(ConfigError, match="smoothing"):
        layer_weights(TOUCHING, LAYERS, smoothing)


def test_a_layer_upside_down_is_refused():
    with pytest.raises(ConfigError, match="layer"):
        layer_weights(TOUCHING, [(30, 0)])
