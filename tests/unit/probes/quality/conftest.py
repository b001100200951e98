"""A year of hourly moisture that looks like a sensor's, and the ISMN's own implementation to compare with."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

HOURS = 24 * 365


def sensor_year(seed: int, *, decay_days: float = 8.0, hours: int = HOURS, resolution: float = 0.001) -> dict:
    """Hourly moisture (m3 m-3) and rain (mm): storms that wet over several hours, an exponential recession, noise."""
    rng = np.random.default_rng(seed)
    rain = np.zeros(hours)
    for start in np.flatnonzero(rng.random(hours) < 1 / 150):
        length = int(rng.integers(4, 14))
        rain[start : start + length] += rng.gamma(1.5, 1.5, len(rain[start : start + length]))
    store = np.empty(hours)
    level = 0.1
    keep = np.exp(-1 / (24 * decay_days))
    entering = np.convolve(rain, np.full(5, 0.2))[:hours]  # infiltration takes some hours
    for hour in range(hours):
        level = 0.05 + (level - 0.05) * keep
        level += 0.002 * entering[hour] * max(0.0, 1 - level / 0.45)
        store[hour] = level
    noisy = store + 0.0006 * rng.standard_normal(hours) + 0.002 * np.sin(2 * np.pi * np.arange(hours) / 24)
    return {"moisture": np.round(noisy / resolution) * resolution, "rain": rain}


@pytest.fixture(scope="session")
def year() -> dict:
    return sensor_year(1)


@pytest.fixture(scope="session")
def flagit_interface() -> type:
    """``flagit.flagit.Interface``, loaded around the package's own __init__, which needs the retired pkg_resources."""
    spec = importlib.util.find_spec("flagit")
    if spec is None:
        pytest.skip("flagit is not installed: nothing to compare with")
    package = types.ModuleType("flagit")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["flagit"] = package
    return importlib.import_module("flagit.flagit").Interface


@pytest.fixture
def ismn_flags(flagit_interface: type) -> Callable:
    """Which hours flagit gives a flag: ``ismn_flags(moisture in m3 m-3, "D06", ...)``."""

    def run(moisture: np.ndarray, *names: str, flag: str | None = None, **columns: np.ndarray) -> np.ndarray:
        index = pd.date_range("2021-01-01", periods=len(moisture), freq="h")
        frame = pd.DataFrame({"soil_moisture": 100 * np.asarray(moisture), **columns}, index=index)
        flags = flagit_interface(frame).run(name=list(names), sat_point=50)["qflag"].reindex(index)
        return np.array([isinstance(found, set) and (flag or names[-1]) in found for found in flags])

    return run


@pytest.fixture(scope="session")
def make_year() -> Callable[..., dict]:
    return sensor_year


@pytest.fixture
def station_readings() -> Callable[..., pd.DataFrame]:
    """Canonical readings of one station from (variable, depth, time, value) series."""

    def frame(variable: str, depth: float, time: pd.DatetimeIndex, value: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "station": "a",
                "sensor": f"{variable}_{depth:g}",
                "variable": variable,
                "depth_from_cm": float(depth),
                "depth_to_cm": float(depth),
                "time": time.as_unit("ns"),
                "value": np.asarray(value, dtype=float),
                "unit": {"soil_moisture": "m3 m-3", "precipitation": "mm"}.get(variable, "degC"),
                "flag": "",
            }
        )

    def build(*series: tuple[str, float, pd.DatetimeIndex, np.ndarray]) -> pd.DataFrame:
        frames = [frame(*one) for one in series]
        return pd.concat(frames, ignore_index=True).sort_values(["sensor", "time"], ignore_index=True)

    return build
