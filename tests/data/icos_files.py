"""Files of an ICOS ETC archive, unzipped, made from numbers given by the test."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd


def write_series(
    folder: Path,
    site: str,
    ends: pd.DatetimeIndex,
    columns: Mapping[str, Sequence[float]],
    *,
    product: str = "METEOSENS",
    version: str = "L2",
    step: str = "30min",
) -> Path:
    """The series; ``ends`` are the ends of the intervals on the site's clock, NaN is written as -9999."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"ICOSETC_{site}_{product}_{version}.csv"
    frame = pd.DataFrame({name: np.where(np.isnan(values), -9999, values) for name, values in columns.items()})
    frame.insert(0, "TIMESTAMP_START", (ends - pd.Timedelta(step)).strftime("%Y%m%d%H%M"))
    frame.insert(1, "TIMESTAMP_END", ends.strftime("%Y%m%d%H%M"))
    frame.to_csv(path, index=False)
    return path


def write_variable_info(
    folder: Path,
    site: str,
    groups: Sequence[tuple[str, float, str, str]],
    *,
    product: str = "METEOSENS",
    version: str = "L2",
) -> Path:
    """The VARINFO file; a group is (variable, height in m, unit, date yyyymmdd)."""
    rows = [
        (site, number, "GRP_VAR_INFO", f"VAR_INFO_{key}", value)
        for number, (name, height, unit, date) in enumerate(groups, 1)
        for key, value in (("VARNAME", name), ("UNIT", unit), ("HEIGHT", height), ("DATE", date))
    ]
    return _write_long(folder / f"ICOSETC_{site}_VARINFO_{product}_{version}.csv", rows)


def write_site_info(folder: Path, site: str, *, offset: float | None = 1, version: str = "L2") -> Path:
    """The SITEINFO file: place, land cover, clock."""
    values = {"LOCATION_LAT": 51.307, "LOCATION_LONG": 4.519, "LOCATION_ELEV": 16, "IGBP": "MF", "UTC_OFFSET": offset}
    rows = [(site, 1, "GRP_LOCATION", name, value) for name, value in values.items() if value is not None]
    path = _write_long(folder / f"ICOSETC_{site}_SITEINFO_{version}.csv", rows)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{site},2,GRP_SITE_DESC,SITE_DESC,pines, oaks, sand\n")  # a comma that nobody quoted
    return path


def _write_long(path: Path, rows: Sequence[tuple]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["SITE_ID", "GROUP_ID", "VARIABLE_GROUP", "VARIABLE", "DATAVALUE"])
        writer.writerows(rows)
    return path
