"""Sample tables like those a person brings: CSVs of two domains with a bucket of soil water behind them.

    python tests/data/tables.py my_data

writes those of docs/how-to/bring-your-own-table.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

START = "2021-01-01"


def station_days(domain: str, stations: int, days: int, rng: np.random.Generator) -> pd.DataFrame:
    """Daily rows of a few stations: rain wets a bucket, warmth and coarse soil dry it; deeper soil follows slowly.

    Columns: site, day, lat, lon, moisture_0_30, moisture_30_60 (m3 m-3, some missing), elevation, clay, landcover,
    rain_0 .. rain_3 (ready lags, mm), tmax (degC), satellite (coarse moisture, m3 m-3; one value a day).
    """
    frames = []
    rain = np.where(rng.random(days + 3) < 0.25, rng.gamma(1.0, 8.0, days + 3), 0.0)
    for number in range(stations):
        clay, elevation = rng.uniform(10, 50), rng.uniform(50, 400)
        local = rain * rng.uniform(0.7, 1.3)
        tmax = 24 - elevation / 100 + 4 * np.cos(np.arange(days + 3) / 20) + rng.normal(0, 2, days + 3)
        floor = 0.06 + 0.002 * clay
        surface, deep = np.empty(days + 3), np.empty(days + 3)
        water = lower = floor + 0.1
        for day in range(days + 3):
            water = min(water + 0.004 * local[day], floor + 0.3)
            water -= (0.02 + 0.001 * tmax[day]) * (water - floor)
            lower += 0.05 * (water - lower)
            surface[day], deep[day] = water, lower
        satellite = 0.1 + 0.6 * surface + rng.normal(0, 0.01, days + 3)
        frame = pd.DataFrame(
            {
                "site": f"{domain}_{number + 1}",
                "day": pd.date_range(START, periods=days).strftime("%Y-%m-%d"),
                "lat": round(-34 - (2 if domain == "target" else 0) - rng.random(), 4),
                "lon": round(146 + rng.random(), 4),
                "moisture_0_30": (surface + rng.normal(0, 0.005, days + 3))[3:].round(4),
                "moisture_30_60": (deep + rng.normal(0, 0.005, days + 3))[3:].round(4),
                "elevation": round(elevation, 1),
                "clay": round(clay, 1),
                "landcover": ["crop", "pasture"][number % 2],
                **{f"rain_{lag}": local[3 - lag : 3 - lag + days].round(1) for lag in range(4)},
                "tmax": tmax[3:].round(1),
                "satellite": satellite[3:].round(4),
            }
        )
        for layer in ("moisture_0_30", "moisture_30_60"):
            frame.loc[rng.random(days) < 0.05, layer] = np.nan
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def write_tables(folder: Path, *, source: int = 6, target: int = 5, days: int = 120, seed: int = 0) -> list[Path]:
    """Write ``source.csv`` and ``target.csv`` into ``folder``, as docs/how-to/bring-your-own-table.yaml reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    paths = []
    for domain, stations in (("source", source), ("target", target)):
        paths.append(folder / f"{domain}.csv")
        station_days(domain, stations, days, rng).to_csv(paths[-1], index=False)
    return paths


if __name__ == "__main__":
    for written in write_tables(Path(sys.argv[1])):
        print(written)
