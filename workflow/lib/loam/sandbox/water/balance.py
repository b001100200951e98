"""The daily water balance of five soil layers in hillslope cells: what enters, leaves and stays adds up.

A pixel's day: the canopy intercepts rain up to its store and dries at the rate of the demand; what falls through, with
irrigation where and when it is due, meets the soil. Rain is spread over a storm whose intensity is exponentially
distributed over the pixel, so that a capacity f takes P (1 - exp(-f / P)) of a mean intensity P (infiltration excess;
Shuttleworth, 1988, Journal of Hydrology 100, 31-56); the capacity is the conductivity of the top layer, more when it is
dry. Water fills layers from the top as far as pores and conductivity allow (saturation excess runs off). Each layer
drains to the next by gravity at K = Ks S^(2b+3), integrated exactly over the step, so that no step can overdraw it,
and never by more than the pores below can hold; a day with much water has several steps. Soil evaporates from the top
layer, plants transpire from all layers by roots and water at hand, and grow or wilt with it over about a month.

Lateral redistribution: of what drains out of the profile on slopes, and of what runs off, a part goes to the pool of
the pixel's hillslope cell (10 x 10 pixels). At the end of the day the pool returns to the cell's pixels in proportion
to exp(wetness index), filling them from below; what finds no pore leaves as runoff. Lateral flow sums to zero over
every cell on every day, cells exchange nothing, and a block that is made of whole cells needs nothing from outside.
"""

from __future__ import annotations

import numba
import numpy as np

from loam.sandbox.land.cover_map import LANDCOVER

THICKNESS = np.array([50.0, 100.0, 150.0, 300.0, 400.0])  # mm: 0-5, 5-15, 15-30, 30-60, 60-100 cm
BOUNDS = ((0, 5), (5, 15), (15, 30), (30, 60), (60, 100))  # cm
LAYERS = len(THICKNESS)
CELL = 10  # pixels a side of a hillslope cell
PIXELS = CELL * CELL

# Columns of the parameters of a layer [cell, pixel, layer, column]; water in mm above residual.
RESIDUAL, PORES, CONDUCTIVITY, EXPONENT, WILTING, COMFORT = range(6)
LAYER_COLUMNS = 6
# Columns of the parameters of a pixel [cell, pixel, column].
RAIN_FACTOR, COOLING, EXPOSURE, SLOPING, WEIGHT, DOWN, ACROSS = range(7)
PIXEL_COLUMNS = 7
# Water of the days that were run [cell, pixel, column], mm.
FLUXES = (
    "rain", "irrigation", "interception", "soil_evaporation", "transpiration", "runoff", "drainage", "lateral_out",
    "lateral_in",
)  # fmt: skip
RAIN, IRRIGATION, INTERCEPTION, SOIL_EVAPORATION, TRANSPIRATION, RUNOFF, DRAINAGE, LATERAL_OUT, LATERAL_IN = range(9)

# By land-cover code, 0 for none: PAST, FORE, AGRI, SAVA, IRRI.
COVER_LARGEST = np.array([0.0, 0.80, 0.95, 0.80, 0.60, 0.90])  # share of ground under leaves
COVER_LEAST = np.array([0.0, 0.30, 0.75, 0.15, 0.30, 0.35])  # of that, when there is no water
CANOPY = np.array([0.0, 0.9, 2.6, 0.8, 0.9, 1.0])  # mm, under full cover
CROP = np.array([0.0, 0.90, 1.00, 0.95, 0.80, 1.10])  # demand relative to the reference
ROOTS = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [0.22, 0.34, 0.26, 0.14, 0.04],
    [0.08, 0.17, 0.22, 0.30, 0.23],
    [0.18, 0.34, 0.30, 0.15, 0.03],
    [0.14, 0.26, 0.26, 0.22, 0.12],
    [0.22, 0.36, 0.27, 0.13, 0.02],
])  # fmt: skip
GREEN_PEAK = np.array([0.0, 290.0, 0.0, 280.0, 300.0, 15.0])  # day of the year
GREEN_RANGE = np.array([0.0, 0.20, 0.04, 0.45, 0.20, 0.30])  # of the season, relative to the mean

IRRIGATED = LANDCOVER["IRRI"]
IRRIGATION_DEPTH = 16.0  # mm
IRRIGATION_BELOW = 0.75  # share of comfort in the root zone
IRRIGATION_INTERVAL = 3  # days between visits of a pivot
IRRIGATION_MONTHS = (10, 11, 12, 1, 2, 3)

STEP_WATER = 10.0  # mm of rain and irrigation in a step at most, up to
MOST_STEPS = 8
WETTING = 4.0  # by how much dry soil takes water faster than wet
STORM_HOURS = (4.0, 0.4)  # hours of a day's rain: at least, and added a mm
RUN_ON = 0.4  # share of runoff that stays on the hillslope
GROWTH = 1.0 / 30.0  # a day


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def interpolate(values, day, quad, down, across):  # noqa: D103  # pragma: no cover
    top = values[day, quad[0]] * (1.0 - across) + values[day, quad[1]] * across
    bottom = values[day, quad[2]] * (1.0 - across) + values[day, quad[3]] * across
    return top * (1.0 - down) + bottom * down


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def drained(water, pores, conductivity, exponent, share):  # pragma: no cover
    """Water (mm) that leaves a layer in ``share`` of a day: the exact solution of dW/dt = -K S^exponent.

    Where little leaves, the binomial series of the solution, to 1e-9 of what leaves.
    """
    if water <= 0.0:
        return 0.0
    power = exponent - 1.0
    rate = power * conductivity * share / pores * np.exp(power * np.log(water / pores))
    part = 1.0 / power
    if rate > 0.02:
        return water * (1.0 - np.exp(-part * np.log(1.0 + rate)))
    series = 1.0 - (4.0 + part) * rate / 5.0
    series = 1.0 - (3.0 + part) * rate / 4.0 * series
    series = 1.0 - (2.0 + part) * rate / 3.0 * series
    series = 1.0 - (1.0 + part) * rate / 2.0 * series
    return water * part * rate * series


@numba.njit(cache=True, nogil=True, error_model="numpy")
def advance(
    first: int, last: int, water: np.ndarray, canopy: np.ndarray, vigour: np.ndarray, layers: np.ndarray,
    surface: np.ndarray, roots: np.ndarray, cover: np.ndarray, phase: np.ndarray, quads: np.ndarray, rain: np.ndarray,
    temperature: np.ndarray, demand: np.ndarray, green: np.ndarray, irrigating: np.ndarray, turn: np.ndarray,
    observed: np.ndarray, totals: np.ndarray, mean: np.ndarray, end: np.ndarray, leaves: np.ndarray,
) -> None:  # fmt: skip  # pragma: no cover
    """Run cells ``first`` to ``last`` - 1 over all days, in place.

    Args:
        first, last: cells.
        water: mm above residual [cell, pixel, layer]. canopy: mm [cell, pixel]. vigour: 0 to 1 [cell, pixel].
        layers, surface: parameters, by the columns above.
        roots: share of each layer's roots by land cover [code, layer].
        cover: land-cover codes [cell, pixel], 0: nothing is done. phase: of irrigation [cell, pixel].
        quads: nodes around each cell, north-west, north-east, south-west, south-east [cell, 4].
        rain, temperature, demand: at nodes [day, node].
        green: season of growth [day, code]. irrigating: whether it is the season [day]. turn: the day's number [day].
        observed: place of each day in ``mean``, -1 for none [day].
        totals: to which each pixel's water is added [cell, pixel, flux].
        mean: m3 m-3, the mean of a day's first and last [place, layer, cell, pixel], float32.
        end: at the end of the day, of the same shape, or of no days.
        leaves: share of ground under leaves [place, cell, pixel], float32.
    """
    pool = np.empty(PIXELS)
    before = np.empty((PIXELS, LAYERS))
    for c in range(first, last):
        quad = quads[c]
        for day in range(rain.shape[0]):
            place = observed[day]
            shared = 0.0
            for p in range(PIXELS):
                pool[p] = 0.0
                kind = cover[c, p]
                if kind == 0:
                    continue
                own, soil, store, flux = surface[c, p], layers[c, p], water[c, p], totals[c, p]
                for l in range(LAYERS):  # noqa: E741
                    before[p, l] = store[l]
                fall = interpolate(rain, day, quad, own[DOWN], own[ACROSS]) * own[RAIN_FACTOR]
                warmth = interpolate(temperature, day, quad, own[DOWN], own[ACROSS]) - own[COOLING]
                wanted = interpolate(demand, day, quad, own[DOWN], own[ACROSS]) * max(warmth + 17.8, 0.0)
                wanted *= own[EXPOSURE]
                flux[RAIN] += fall

                least = COVER_LEAST[kind]
                shade = COVER_LARGEST[kind] * green[day, kind] * (least + (1.0 - least) * vigour[c, p])
                shade = min(shade, 0.98)
                wet = canopy[c, p] + fall
                supply = max(wet - CANOPY[kind] * shade, 0.0)
                wet -= supply
                lost = min(wet, wanted)
                canopy[c, p] = wet - lost
                wanted -= lost
                flux[INTERCEPTION] += lost

                comfort = 0.0
                for l in range(3):  # noqa: E741
                    comfort += THICKNESS[l] * _ease(store[l], soil[l])
                comfort /= 300.0
                if (
                    kind == IRRIGATED and irrigating[day] and comfort < IRRIGATION_BELOW
                    and (turn[day] + phase[c, p]) % IRRIGATION_INTERVAL == 0
                ):  # fmt: skip
                    supply += IRRIGATION_DEPTH
                    flux[IRRIGATION] += IRRIGATION_DEPTH

                steps = min(1 + int(supply / STEP_WATER), MOST_STEPS)
                share = 1.0 / steps
                shedding, leaking = 0.0, 0.0
                portion = supply * share
                intensity = supply * 24.0 / min(STORM_HOURS[0] + STORM_HOURS[1] * supply, 24.0)  # mm d-1
                for _ in range(steps):
                    if portion > 0.0:
                        dryness = 1.0 - store[0] / soil[0, PORES]
                        capacity = soil[0, CONDUCTIVITY] * (1.0 + WETTING * dryness)
                        entering = portion * (1.0 - np.exp(-capacity / intensity))
                        shedding += portion - entering
                        for l in range(LAYERS):  # noqa: E741
                            if l > 0:
                                passing = min(entering, soil[l, CONDUCTIVITY] * share)
                                shedding += entering - passing
                                entering = passing
                            filled = min(entering, soil[l, PORES] - store[l])
                            store[l] += filled
                            entering -= filled
                            if entering <= 0.0:
                                break
                        shedding += max(entering, 0.0)
                    below = 1e9
                    for l in range(LAYERS - 1, -1, -1):  # noqa: E741
                        part = soil[l]
                        down = drained(store[l], part[PORES], part[CONDUCTIVITY], part[EXPONENT], share)
                        down = min(down, below)
                        store[l] -= down
                        if l == LAYERS - 1:
                            leaking += down
                        else:
                            store[l + 1] += down
                        below = part[PORES] - store[l]

                dried = wanted * (1.0 - shade) * min(store[0] / (0.6 * soil[0, PORES]), 1.0)
                dried = min(dried, 0.9 * store[0])
                store[0] -= dried
                flux[SOIL_EVAPORATION] += dried
                pull = wanted * shade * CROP[kind]
                health, drunk = 0.0, 0.0
                for l in range(LAYERS):  # noqa: E741
                    root = roots[kind, l]
                    ease = _ease(store[l], soil[l])
                    health += root * ease
                    taken = min(pull * root * ease, max(store[l] - soil[l, WILTING], 0.0))
                    store[l] -= taken
                    drunk += taken
                flux[TRANSPIRATION] += drunk
                vigour[c, p] += GROWTH * (health - vigour[c, p])

                aside = leaking * own[SLOPING] + shedding * RUN_ON
                flux[DRAINAGE] += leaking * (1.0 - own[SLOPING])
                flux[RUNOFF] += shedding * (1.0 - RUN_ON)
                flux[LATERAL_OUT] += aside
                pool[p] = aside
                shared += aside
                if place >= 0:
                    leaves[place, c, p] = shade
            for p in range(PIXELS):
                kind = cover[c, p]
                if kind == 0:
                    continue
                soil, store, flux = layers[c, p], water[c, p], totals[c, p]
                coming = shared * surface[c, p, WEIGHT]
                flux[LATERAL_IN] += coming
                for l in range(LAYERS - 1, -1, -1):  # noqa: E741
                    if coming <= 0.0:
                        break
                    filled = min(coming, soil[l, PORES] - store[l])
                    store[l] += filled
                    coming -= filled
                flux[RUNOFF] += max(coming, 0.0)
                if place >= 0:
                    for l in range(LAYERS):  # noqa: E741
                        middle = 0.5 * (before[p, l] + store[l])
                        mean[place, l, c, p] = soil[l, RESIDUAL] + middle / THICKNESS[l]
                        if end.shape[0]:
                            end[place, l, c, p] = soil[l, RESIDUAL] + store[l] / THICKNESS[l]


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _ease(water, soil):  # pragma: no cover
    """How easily roots take water: 0 at wilting, 1 from half way to field capacity on."""
    return min(max((water - soil[WILTING]) / soil[COMFORT], 0.0), 1.0)


def green_season(day_of_year: np.ndarray) -> np.ndarray:
    """Season of growth [day, land-cover code], mean 1 at the height of the season."""
    swing = np.cos(2 * np.pi * (day_of_year[:, None] - GREEN_PEAK) / 365.25)
    return 1.0 - GREEN_RANGE * (1.0 - swing) / 2.0


def rooting(factor: float) -> np.ndarray:
    """Shares of roots [code, layer] with those below 30 cm multiplied by ``factor``."""
    roots = ROOTS.copy()
    roots[:, 3:] *= factor
    whole = roots.sum(axis=1, keepdims=True)
    return roots / np.where(whole > 0, whole, 1.0)
