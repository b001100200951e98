"""Seconds per sensor-year of our quality flags and of flagit 0.3, the ISMN's own package, on the same hourly series.

python benchmarks/quality.py [sensors] prints a table; docs/explanation/decisions.md says why flagit is no import of the
library. Where the two flags differ, the last column counts the readings.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

from loam.config.sections.probes import Quality
from loam.probes.quality.breaks import breaks
from loam.probes.quality.frozen import frozen
from loam.probes.quality.limits import outside_range
from loam.probes.quality.plateaus import low_plateaus, saturated_plateaus
from loam.probes.quality.spikes import spikes
from loam.probes.quality.station import flag_station

HOURS = 24 * 365
YEARS, DEPTHS = 10, (5.0, 20.0, 50.0)


def sensor_year(rng: np.random.Generator, hours: int = HOURS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moisture (m3 m-3) with spikes, drops and gaps, soil temperature (degC), rain (mm)."""
    rain = np.where(rng.random(hours) < 0.02, rng.gamma(1.5, 2.0, hours), 0.0)
    kernel = np.exp(-np.arange(24 * 40) / (24 * 10))
    moisture = 0.08 + 0.002 * np.convolve(np.convolve(rain, np.full(5, 0.2)), kernel)[:hours]
    moisture = np.minimum(moisture, np.quantile(moisture, 0.97))  # a ceiling
    moisture = np.round(moisture + 0.0006 * rng.standard_normal(hours), 3)
    moisture[rng.choice(hours, hours // 200)] *= 0.7
    for start in rng.choice(hours - 100, hours // 800):
        moisture[start : start + 40] *= 0.4
    moisture[rng.choice(hours, hours // 100)] = np.nan
    temperature = 8 + 9 * np.sin(2 * np.pi * np.arange(hours) / HOURS) + rng.standard_normal(hours)
    return moisture, temperature, rain


def load_flagit() -> type:
    spec = importlib.util.find_spec("flagit")
    package = types.ModuleType("flagit")  # its own __init__ needs the retired pkg_resources
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["flagit"] = package
    return importlib.import_module("flagit.flagit").Interface


def timed(call: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def theirs(interface: type, names: list[str], moisture: np.ndarray, temperature: np.ndarray) -> tuple[float, list]:
    index = pd.date_range("2021-01-01", periods=len(moisture), freq="h")
    columns = {"soil_moisture": 100 * moisture, "soil_temperature": temperature, "air_temperature": temperature}
    frame = pd.DataFrame(columns, index=index)
    seconds, result = timed(lambda: interface(frame).run(name=names)["qflag"].reindex(index))
    return seconds, [found if isinstance(found, set) else set() for found in result]


def main(sensors: int) -> None:
    rng = np.random.default_rng(0)
    interface = load_flagit()
    ours: dict[str, Callable] = {
        "C01, C02 range": lambda m, t: outside_range(m),
        "D01 frozen soil": lambda m, t: frozen([t], None),
        "D06 spikes": lambda m, t: spikes(m),
        "D07, D08 breaks": lambda m, t: np.logical_or(*breaks(m)),
        "D09 low plateaus": lambda m, t: low_plateaus(m, breaks(m)[0]),
        "D10 saturated plateaus": lambda m, t: saturated_plateaus(m),
    }
    codes = {name: [code for code in name.replace(",", "").split() if code[0] in "CD" and code[1:].isdigit()]
             for name in ours}  # fmt: skip
    years = [sensor_year(rng) for _ in range(sensors)]
    print(f"{sensors} sensor-years of hourly readings; Python {platform.python_version()}, pandas {pd.__version__}\n")
    print("| flag | loam, ms per sensor-year | flagit, ms per sensor-year | flagged by loam | by flagit | differ |")
    print("|---|---|---|---|---|---|")
    warnings.simplefilter("ignore")
    for name, rule in ours.items():
        mine, other, flagged, their_flagged, differ = 0.0, 0.0, 0, 0, 0
        try:
            for moisture, temperature, _ in years:
                seconds, found = timed(lambda m=moisture, t=temperature, rule=rule: rule(m, t))
                mine, flagged = mine + seconds, flagged + int(found.sum())
                run = [code for code in codes[name] if code != "D08"]
                seconds, sets = theirs(interface, ["D07", "D09"] if run == ["D09"] else run, moisture, temperature)
                hit = np.array([bool(one & set(codes[name])) for one in sets])
                other, their_flagged, differ = (
                    other + seconds,
                    their_flagged + int(hit.sum()),
                    differ + (hit != found).sum(),
                )
            rival = f"{1000 * other / sensors:.1f} | {flagged} | {their_flagged} | {differ}"
        except ValueError as error:
            mine *= sensors  # one year was timed
            rival = f"fails: {str(error).split('.')[0]} | {flagged} in one year | - | -"
        print(f"| {name} | {1000 * mine / sensors:.2f} | {rival} |")
    station(rng)


def station(rng: np.random.Generator) -> None:
    """All flags of one station of ten years and three depths, with soil temperature and rain."""
    time_axis = pd.date_range("2011-01-01", periods=HOURS * YEARS, freq="h").as_unit("ns")
    frames = []
    for depth in DEPTHS:
        moisture, temperature, rain = sensor_year(rng, HOURS * YEARS)
        for variable, value, unit in (
            ("soil_moisture", moisture, "m3 m-3"), ("soil_temperature", temperature, "degC"),
            ("precipitation", rain, "mm"),
        ):  # fmt: skip
            if variable != "precipitation" or depth == DEPTHS[0]:
                place = 0.0 if variable == "precipitation" else depth
                frames.append(
                    pd.DataFrame(
                        {
                            "station": "a", "sensor": f"{variable} {place:g}", "variable": variable,
                            "depth_from_cm": place, "depth_to_cm": place, "time": time_axis, "value": value,
                            "unit": unit, "flag": "",
                        }
                    )
                )  # fmt: skip
    readings = pd.concat(frames, ignore_index=True)
    seconds, _ = timed(lambda: flag_station(readings, daily=False, porosity=0.5, quality=Quality()))
    each = 1000 * seconds / (YEARS * len(DEPTHS))
    print(f"\nflag_station, {YEARS} years x {len(DEPTHS)} depths, {len(readings)} rows: {seconds:.2f} s, "
          f"{each:.1f} ms per station-depth-year, {seconds / YEARS:.3f} s per station-year")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
