"""Stations with three years of made-up moisture, for the tests of what instruments report."""

import numpy as np
import pandas as pd

from loam.sandbox.instruments.sites import Site

DAYS = pd.date_range("2020-01-01", "2022-12-31")


def made_site(number: int, days: pd.DatetimeIndex = DAYS) -> Site:
    """Five layers that rain wets, the deeper the later and the less, on a season."""
    rng = np.random.default_rng([9, number])
    wet = rng.random(len(days)) < 0.25
    rain = np.where(wet, rng.gamma(0.8, 9.0, len(days)), 0.0)
    season = np.cos(2 * np.pi * (days.dayofyear.to_numpy() - 200) / 365.25)
    moisture = np.empty((len(days), 5))
    store = np.full(5, 0.2)
    for day, fall in enumerate(rain):
        drive = min(fall / 150.0, 0.2)
        for layer, memory in enumerate((0.80, 0.90, 0.94, 0.97, 0.985)):
            aim = 0.17 + 0.05 * season[day]
            store[layer] = aim + memory * (store[layer] - aim) + drive * (1 - memory) * 4
        moisture[day] = np.minimum(store, 0.42)
    mean = 12.0 - 6.0 * season + rng.standard_normal(len(days))
    return Site(
        f"T{number:02d}", -42.0 - 0.05 * number, 147.5, 200.0, 1.05 + 0.1 * (number % 5), 0.55, "PAST", 25.0, 40.0,
        days, moisture, np.round(rain, 2), mean - 5.0, mean + 5.0,
    )  # fmt: skip


SITES = [made_site(number) for number in range(1, 10)]
