"""Files of the target domain's probes, as people have them: CSV files of loggers, what they hold, where probes are.

Two files a probe: the readings of a stretch in which it was read many times a day, and daily means. Makes differ in
depths, units and intervals. A table of the faults that were planted goes elsewhere, for whoever judges quality control.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from loam.io.atomic import atomic_path, write_text
from loam.io.tables import write_table
from loam.sandbox.instruments.faults import COLUMNS, fault_rows, plant_faults
from loam.sandbox.instruments.makes import MAKES, RAIN_COLUMN, TIME_COLUMN, Make, depth_text
from loam.sandbox.instruments.sensor_readings import Readings, days_often, read_probe
from loam.sandbox.instruments.sites import Site
from loam.sandbox.lattice import random_numbers

MISSING = "NAN"
TIME_FORMAT = "%Y-%m-%d %H:%M"


def write_probes(
    seed: int, sites: Sequence[Site], *, folder: Path, description: Path, stations: Path, faults: Path
) -> None:
    """Write the files of all probes.

    Args:
        seed: of the world.
        sites: the stations.
        folder: for the CSV files.
        description: YAML to write, as docs/how-to/use-your-own-probes.md has it.
        stations: CSV to write: station, latitude, longitude, elevation, bulk_density, porosity, landcover.
        faults: CSV to write: the faults that were planted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, site in enumerate(sites):
        make, rng = MAKES[number % len(MAKES)], random_numbers(seed, "probe", number)
        often = days_often(rng, len(site.days))
        planted = plant_faults(rng, site, make, often)
        many, daily = read_probe(rng, site, make, planted, often)
        write_csv(folder / f"{site.name}_{make.name}_{make.minutes}min.csv", site, make, many, daily=False)
        write_csv(folder / f"{site.name}_{make.name}_daily.csv", site, make, daily, daily=True)
        rows += fault_rows(site, make, planted)
    write_text(yaml.safe_dump(describe(), sort_keys=False, allow_unicode=True), description)
    write_table(station_table(sites), stations)
    write_table(pd.DataFrame(rows, columns=COLUMNS), faults)


def write_csv(path: Path, site: Site, make: Make, readings: Readings, *, daily: bool) -> None:
    """One file of a logger: its name, column names, units, readings."""
    names = [TIME_COLUMN, *make.columns(daily=daily), make.temperature_column, RAIN_COLUMN]
    units = ["UTC", *[make.unit] * len(make.depths), "C", "mm"]
    form = f"%.{make.decimals}f"
    columns = [
        readings.times.strftime(TIME_FORMAT).to_numpy(object),
        *(_texts(readings.moisture[:, sensor], form) for sensor in range(len(make.depths))),
        _texts(readings.temperature, "%.1f"), _texts(readings.rain, "%.2f"),
    ]  # fmt: skip
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{site.name},{make.name} logger,made by loam's sandbox\n{','.join(names)}\n{','.join(units)}\n")
        file.writelines(",".join(row) + "\n" for row in zip(*columns, strict=True))


def describe() -> dict[str, object]:
    """The description of the files, for all makes at once."""
    columns: list[dict[str, object]] = []
    for make in MAKES:
        for daily in (False, True):
            columns += [
                {"column": name, "variable": "soil_moisture", "depth": depth_text(*depth), "unit": make.unit}
                for name, depth in zip(make.columns(daily=daily), make.depths, strict=True)
            ]
    for depth in sorted({make.temperature for make in MAKES}):
        name = next(make.temperature_column for make in MAKES if make.temperature == depth)
        columns.append({"column": name, "variable": "soil_temperature", "depth": f"{depth:g} cm", "unit": "C"})
    columns.append({"column": RAIN_COLUMN, "variable": "precipitation", "unit": "mm"})
    for entry in columns:
        entry["optional"] = True
    return {
        "files": "*.csv",
        "lines": {"names": 2, "units": 3, "data": 4},
        "station": {"from": "file name", "pattern": "(?P<station>[^_]+)_.*"},
        "time": {"column": TIME_COLUMN, "format": TIME_FORMAT, "zone": "UTC"},
        "missing": ["", MISSING],
        "columns": columns,
    }


def station_table(sites: Sequence[Site]) -> pd.DataFrame:
    """Where the probes are, and the bulk density and porosity of their soil."""
    return pd.DataFrame({
        "station": [site.name for site in sites],
        "latitude": [round(site.latitude, 6) for site in sites],
        "longitude": [round(site.longitude, 6) for site in sites],
        "elevation": [round(site.elevation, 1) for site in sites],
        "bulk_density": [round(site.bulk_density, 3) for site in sites],
        "porosity": [round(site.porosity, 3) for site in sites],
        "landcover": [site.landcover for site in sites],
    })  # fmt: skip


def _texts(values: np.ndarray, form: str) -> list[str]:
    return [MISSING if value != value else form % value for value in values.tolist()]
