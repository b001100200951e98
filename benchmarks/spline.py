"""Depth harmonisation: layers of 100 stations over 10 years, against solving every day's profile on its own.

    python benchmarks/spline.py [--stations 100] [--years 10] [--rival-profiles 5000]

Five point sensors a station (5, 10, 20, 50, 100 cm), readings that go missing as in the field: single days, spells of
weeks at one depth, whole months without a station, and stations that never had the deep sensors. Prints a Markdown
table. The rivals solve a sample of the same profiles, one after the other, from the same arrays:

- numpy.linalg.solve of each day's tridiagonal system, as the implementations in use do;
- scipy's monotone interpolation (PCHIP) of the water summed from the surface down, which keeps interval means too.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy.interpolate import PchipInterpolator  # noqa: E402

from loam.probes.depth_layers import to_layers  # noqa: E402

DEPTHS = np.array([5.0, 10, 20, 50, 100])
EDGES = np.array([0, 7.5, 15, 35, 75, 125])
LAYERS = [
    {"name": "surface", "top_cm": 0, "bottom_cm": 30},
    {"name": "subsurface", "top_cm": 30, "bottom_cm": 60},
]
SMOOTHING = 0.1


def make_daily(stations: int, years: int, seed: int = 1) -> pd.DataFrame:
    """A long table as the daily means leave it: one row a station, day and depth that is there."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2010-01-01", periods=round(years * 365.25), freq="D")
    tables = []
    for station in range(stations):
        season = np.sin(2 * np.pi * (dates.day_of_year.to_numpy()[:, None] / 365 - DEPTHS / 400))
        moisture = 0.25 + 0.08 * season * np.exp(-DEPTHS / 60) + rng.normal(0, 0.01, season.shape)
        there = rng.random(season.shape) > 0.02
        for depth in range(len(DEPTHS)):
            for start in rng.integers(0, len(dates), 2 * years):
                there[start : start + rng.integers(7, 90), depth] = False
        for start in rng.integers(0, len(dates), years):
            there[start : start + 30] = False
        if station % 4 == 3:
            there[:, 3:] = False
        day, depth = np.nonzero(there)
        tables.append(
            pd.DataFrame(
                {
                    "station": f"s{station:03d}",
                    "date": dates[day],
                    "depth_from_cm": DEPTHS[depth],
                    "depth_to_cm": DEPTHS[depth],
                    "moisture": moisture[there],
                    "n_readings": 24,
                    "qc": 0,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def solve_profile(top: np.ndarray, bottom: np.ndarray, values: np.ndarray) -> list[float]:
    """One day's spline solved for its values, then integrated over the layers piece by piece."""
    n, thickness, gap = len(values), bottom - top, top[1:] - bottom[:-1]
    across = np.diag(2 * (thickness[:-1] + thickness[1:]) + 6 * gap)
    across += np.diag(thickness[1:-1], 1) + np.diag(thickness[1:-1], -1)
    difference = np.diff(np.eye(n), axis=0)
    penalty = 6 * n * SMOOTHING * difference.T @ np.linalg.solve(across, difference)
    means = np.linalg.solve(np.eye(n) + penalty, values)
    slope = np.concatenate([[0], 6 * np.linalg.solve(across, difference @ means), [0]])
    start = means - thickness * (slope[:-1] / 3 + slope[1:] / 6)
    layers = []
    for layer in LAYERS:
        total = start[0] * max(0.0, min(layer["bottom_cm"], top[0]) - layer["top_cm"])
        for i in range(n):
            curvature = (slope[i + 1] - slope[i]) / thickness[i]
            pieces = [(top[i], bottom[i], start[i], slope[i], curvature)]
            end = start[i] + thickness[i] * (slope[i] + slope[i + 1]) / 2
            pieces.append((bottom[i], top[i + 1] if i + 1 < n else np.inf, end, slope[i + 1], 0.0))
            for upper, lower, value, gradient, bend in pieces:
                first, last = max(layer["top_cm"], upper) - upper, min(layer["bottom_cm"], lower) - upper
                if last > first:
                    total += value * (last - first) + gradient * (last**2 - first**2) / 2
                    total += bend * (last**3 - first**3) / 6
        layers.append(total / (layer["bottom_cm"] - layer["top_cm"]))
    return layers


def interpolate_profile(top: np.ndarray, bottom: np.ndarray, values: np.ndarray) -> list[float]:
    """One day's water summed from the surface down, interpolated by PCHIP; a profile without gaps."""
    edges = np.append(top[:1], bottom)
    summed = PchipInterpolator(edges, np.append(0, np.cumsum(values * (bottom - top))))
    return [float(summed(each["bottom_cm"]) - summed(each["top_cm"])) / 30 for each in LAYERS]


def timed(solve, profiles: list[tuple]) -> tuple[float, np.ndarray]:
    started = time.perf_counter()
    layers = [solve(*profile) for profile in profiles]
    return time.perf_counter() - started, np.array(layers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=100)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--rival-profiles", type=int, default=5000)
    options = parser.parse_args()

    daily = make_daily(options.stations, options.years)
    profiles = options.stations * round(options.years * 365.25)
    started = time.perf_counter()
    tables = {station: to_layers(own, LAYERS, smoothing=SMOOTHING) for station, own in daily.groupby("station")}
    table = pd.concat([own.assign(station=station) for station, own in tables.items()], ignore_index=True)
    ours = time.perf_counter() - started

    deep = daily["station"].map(daily.groupby("station")["depth_to_cm"].max()) == DEPTHS[-1]
    wide = daily[deep].pivot(index=["station", "date"], columns="depth_to_cm", values="moisture")[DEPTHS]
    several = wide[wide.notna().sum(axis=1) >= 3]
    sample = several.sample(min(options.rival_profiles, len(several)), random_state=1)
    there = sample.notna().to_numpy()
    values = sample.to_numpy()
    tasks = [(EDGES[:-1][day], EDGES[1:][day], value[day]) for day, value in zip(there, values, strict=True)]
    seconds, solved = timed(solve_profile, tasks)
    full = [task for task, day in zip(tasks, there, strict=True) if day.all()]
    pchip_seconds, _ = timed(interpolate_profile, full)

    found = table.pivot(index=["station", "date"], columns="layer", values="moisture").loc[sample.index]
    difference = found[[layer["name"] for layer in LAYERS]].to_numpy() - solved
    patterns = daily.groupby(["station", "date"])["depth_to_cm"].agg(tuple).nunique()

    print(f"{profiles:,} station-days, {len(daily):,} rows, {patterns} patterns of missing depths, one thread\n")
    print("| method | profiles | seconds | microseconds a profile | all profiles, s |")
    print("|---|---|---|---|---|")
    for name, count, spent in [
        ("loam, from the long table to the long table", profiles, ours),
        ("numpy.linalg.solve a profile, arrays in hand", len(tasks), seconds),
        ("scipy PCHIP of summed water a profile, arrays in hand (full profiles only)", len(full), pchip_seconds),
    ]:
        each = spent / count
        print(f"| {name} | {count:,} | {spent:.2f} | {1e6 * each:.1f} | {each * profiles:.1f} |")
    print(
        f"\nLargest difference from solving each profile: {np.nanmax(np.abs(difference)):.1e} m3 m-3 "
        f"over {int(np.isfinite(difference).sum()):,} layer values "
        f"({int(np.isnan(difference).sum()):,} are refused by the minimum share)."
    )


if __name__ == "__main__":
    main()
