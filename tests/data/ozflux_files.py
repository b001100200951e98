"""netCDF files as PyFluxPro writes them for OzFlux, made from numbers given by the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd

EPOCH = pd.Timestamp("1800-01-01")


@dataclass(frozen=True)
class Variable:
    """Values (NaN is written as -9999), their unit, the attribute height and the QC flags."""

    values: Sequence[float]
    units: str = "m^3/m^3"
    height: str | None = None
    flags: Sequence[int] | None = None


def write_tower(
    path: Path, times: pd.DatetimeIndex, variables: Mapping[str, Variable], *, site: str = "Tower", **attributes: object
) -> Path:
    """One tower's file; ``times`` are its local standard time, an attribute given as None is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    given = {
        "site_name": site,
        "latitude": "-34.99",
        "longitude": "146.29",
        "altitude": "125m",
        "time_zone": "Australia/Sydney",
        "time_step": "30",
        "processing_level": "L3",
        **attributes,
    }
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts({name: value for name, value in given.items() if value is not None})
        for name, size in (("time", len(times)), ("latitude", 1), ("longitude", 1)):
            file.createDimension(name, size)
        clock = file.createVariable("time", "f8", ("time",))
        clock.setncatts({"units": "days since 1800-01-01 00:00:00.0", "calendar": "gregorian"})
        clock[:] = (times - EPOCH) / pd.Timedelta(days=1)
        for name, item in variables.items():
            values = file.createVariable(name, "f8", ("time", "latitude", "longitude"), fill_value=-9999.0)
            values.setncatts({"units": item.units, "long_name": name})
            if item.height is not None:
                values.height = item.height
            values[:, 0, 0] = np.where(np.isnan(item.values), -9999.0, item.values)
            flags = file.createVariable(f"{name}_QCFlag", "i4", ("time", "latitude", "longitude"))
            flags[:, 0, 0] = np.zeros(len(times)) if item.flags is None else item.flags
    return path
