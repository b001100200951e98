"""Equal-area quadratic smoothing spline: from means over depth intervals to means over layers.

Bishop, McBratney & Laslett (1999), Geoderma 91, 27-45. Moisture over depth is the function f that minimises

    (1/n) sum_i (y_i - fbar_i)^2 + lambda * integral f'(x)^2 dx,

y_i what was measured in interval i, fbar_i the mean of f over it. The first term keeps the interval means, the second
makes f smooth. Depths are cm and lambda is cm too: with depths in m, the same f needs lambda / 100.

Derivation. Setting the first variation to zero shows f'' constant inside an interval and zero outside, so f' is
continuous, linear inside an interval (f is quadratic), constant in a gap between two (f is linear) and zero above the
first and below the last (f is constant). Let h_i be the thickness of interval i = 1..n, g_i the gap below it, b_i the
slope at its bottom, which is the slope at the top of i + 1; b_0 = b_n = 0. From the top of interval i down,

    f(t) = a_i + b_{i-1} t + (b_i - b_{i-1}) t^2 / (2 h_i),    fbar_i = a_i + h_i b_{i-1} / 3 + h_i b_i / 6,

and continuity, a_{i+1} = a_i + h_i (b_{i-1} + b_i) / 2 + g_i b_i, turns the difference of two means into

    6 (fbar_{i+1} - fbar_i) = h_i b_{i-1} + (2 h_i + 2 h_{i+1} + 6 g_i) b_i + h_{i+1} b_{i+1},   or   6 Q fbar = R b

with Q the [n-1, n] matrix of differences and R tridiagonal. The same R gives integral f'^2 dx = b' R b / 6, which is
6 fbar' Q' R^-1 Q fbar, so that the sum to be minimised is quadratic in fbar and

    fbar = (I + 6 n lambda Q' R^-1 Q)^-1 y.

Everything is linear in y: the mean over any layer is a row of weights times y, and the weights depend on the intervals,
the layer and lambda only. They are computed once and serve every profile with these intervals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loam.errors import ConfigError, TableError

SMOOTHING = 0.1  # cm; the value Bishop et al. found best, and the default of the implementations in use
TOUCHING = 1e-6  # cm; intervals that overlap by less touch


def spline_matrices(
    intervals: Sequence[Sequence[float]] | np.ndarray, smoothing: float = SMOOTHING
) -> tuple[np.ndarray, np.ndarray]:
    """What turns measured interval means into the spline's interval means and slopes.

    Args:
        intervals: [interval, (top, bottom)] cm, from the surface down; gaps are allowed, overlaps are not.
        smoothing: lambda, cm; 0 keeps the interval means exactly.

    Returns:
        ``means`` [interval, interval] and ``slopes`` [interval + 1, interval]: ``means @ y`` is the spline's mean over
        each interval, ``slopes @ y`` its slope (1 / cm) at the top of the first and at the bottom of each.

    Raises:
        TableError: an interval is empty or upside down, or two overlap or stand in the wrong order.
        ConfigError: ``smoothing`` is negative or not a number.
    """
    intervals = np.asarray(intervals, dtype=float).reshape(-1, 2)
    _check(intervals, smoothing)
    top, bottom = intervals.T
    thickness = bottom - top
    gap = np.maximum(top[1:] - bottom[:-1], 0)
    number = len(intervals)
    identity = np.eye(number)
    difference = np.diff(identity, axis=0)
    across = np.diag(2 * (thickness[:-1] + thickness[1:]) + 6 * gap)
    across += np.diag(thickness[1:-1], 1) + np.diag(thickness[1:-1], -1)
    slopes_of_means = 6 * np.linalg.solve(across, difference)
    means = np.linalg.inv(identity + number * smoothing * difference.T @ slopes_of_means)
    return means, np.pad(slopes_of_means @ means, ((1, 1), (0, 0)))


def layer_weights(
    intervals: Sequence[Sequence[float]] | np.ndarray,
    layers: Sequence[Sequence[float]] | np.ndarray,
    smoothing: float = SMOOTHING,
) -> np.ndarray:
    """Weights [layer, interval] whose product with the measured means gives the spline's means over the layers.

    The integral is exact: f is a constant above the first interval, a quadratic in each, a line in each gap and a
    constant below the last. The weights of a layer sum to 1; some may be negative.

    Args:
        intervals: [interval, (top, bottom)] cm, as for ``spline_matrices``.
        layers: [layer, (top, bottom)] cm, in any order.
        smoothing: lambda, cm.

    Raises:
        TableError, ConfigError: as ``spline_matrices``, and for a layer that is empty or upside down.
    """
    intervals = np.asarray(intervals, dtype=float).reshape(-1, 2)
    layers = np.asarray(layers, dtype=float).reshape(-1, 2)
    if not (layers[:, 1] > layers[:, 0]).all():
        raise ConfigError("a layer ends above its top", expected="bottom_cm larger than top_cm", where="layers")
    means, slopes = spline_matrices(intervals, smoothing)
    top, bottom = intervals.T
    thickness = (bottom - top)[:, None]
    at_top = means - thickness * (slopes[:-1] / 3 + slopes[1:] / 6)
    at_bottom = at_top + thickness * (slopes[:-1] + slopes[1:]) / 2
    none = np.zeros_like(at_top)
    # f on a piece is value + slope t + curvature t^2 / 2, t from the piece's beginning: the intervals; what follows
    # each (gap, or all below the last); and what lies above the first, which begins at its bottom (t < 0, constant)
    begin = np.concatenate([top, bottom, top[:1]])
    upper = np.concatenate([top, bottom, [-np.inf]])
    lower = np.concatenate([bottom, top[1:], [np.inf], top[:1]])
    value = np.concatenate([at_top, at_bottom, at_top[:1]])
    slope = np.concatenate([slopes[:-1], slopes[1:], none[:1]])
    curvature = np.concatenate([np.diff(slopes, axis=0) / thickness, none, none[:1]])
    first = np.maximum(layers[:, :1], upper)
    last = np.maximum(np.minimum(layers[:, 1:], lower), first)
    first, last = first - begin, last - begin  # [layer, piece]
    integral = (last - first) @ value + (last**2 - first**2) @ slope / 2 + (last**3 - first**3) @ curvature / 6
    return integral / (layers[:, 1:] - layers[:, :1])


def _check(intervals: np.ndarray, smoothing: float) -> None:
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise ConfigError(f"smoothing is {smoothing}", expected="a number of cm, 0 or more (0.1 is usual)")
    if len(intervals) == 0:
        raise TableError("there is no depth interval", expected="one at least")
    wrong = ~(intervals[:, 1] > intervals[:, 0])
    if wrong.any():
        top, bottom = intervals[wrong][0]
        raise TableError(f"depth interval {top:g}-{bottom:g} cm is empty or upside down", expected="top above bottom")
    overlap = np.flatnonzero(intervals[1:, 0] < intervals[:-1, 1] - TOUCHING)
    if len(overlap):
        (top, bottom), (below, end) = intervals[overlap[0] : overlap[0] + 2]
        raise TableError(
            f"depth intervals {top:g}-{bottom:g} and {below:g}-{end:g} cm overlap or stand in the wrong order",
            expected="intervals from the surface down that share no depth",
        )
