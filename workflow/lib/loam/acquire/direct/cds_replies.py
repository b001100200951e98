"""What the Climate Data Store sends: netCDF, or a ZIP of several, as hourly fields by time.

Times stand in ``valid_time`` (``time`` in older files). The number of the ensemble's member is dropped. ``expver``
tells final fields (0001) from preliminary ones (0005), by time or as a dimension of its own; where both are there, the
final one counts.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from loam.acquire.http.content import ZIP
from loam.errors import AcquireError, naming
from loam.io.archives import open_member, open_zip

TIMES = ("valid_time", "time")
PRELIMINARY = ("0005", "5")
NEAR = 1e-3  # degrees by which coordinates may differ from the grid's


class Hours:
    """Hourly fields of a variable; ``read_reply`` fills it."""

    def __init__(self) -> None:
        self._fields: dict[pd.Timestamp, np.ndarray] = {}
        self._preliminary: dict[pd.Timestamp, bool] = {}
        self.given = 0  # fields that came with any value

    def add(self, when: pd.Timestamp, field: np.ndarray, preliminary: bool) -> None:
        """Take a field; a preliminary one yields to a final one, and one that is all missing is none."""
        if not np.isfinite(field).any():
            return
        self.given += 1
        if not (preliminary and self._preliminary.get(when) is False):
            self._fields[when], self._preliminary[when] = field, preliminary

    def at(self, day: date, hour: int) -> np.ndarray | None:
        """The field of an hour after 00 UTC of ``day``."""
        return self._fields.get(pd.Timestamp(day) + pd.Timedelta(hours=hour))

    def is_preliminary(self, day: date, hours: Iterable[int]) -> bool:
        """Whether the field of one of the hours after 00 UTC of ``day`` is preliminary."""
        return any(self._preliminary.get(pd.Timestamp(day) + pd.Timedelta(hours=hour)) for hour in hours)


def read_reply(path: Path, name: str, units: str, latitude: np.ndarray, longitude: np.ndarray, into: Hours) -> None:
    """Add the hourly fields of a variable.

    Args:
        path: the reply; its suffix does not matter.
        name: of the variable in it.
        units: that it must have.
        latitude: of the cells asked for.
        longitude: of the cells asked for.
        into: where the fields go.

    Raises:
        AcquireError: no member holds the variable, or with other units or cells than were asked for.
    """
    with path.open("rb") as file:
        is_zip = file.read(4).startswith(ZIP)
    before = into.given
    if is_zip:
        _read_members(path, name, units, latitude, longitude, into)
    elif not _read(path, f"the store's reply {path.name}", name, units, latitude, longitude, into):
        raise AcquireError(f"has no variable {name}", where=path)
    if into.given == before:
        raise AcquireError(
            f"{name} is all missing", where=path, expected="values on land", fix="check that the region holds land"
        )


def _read_members(path: Path, name: str, units: str, latitude: np.ndarray, longitude: np.ndarray, into: Hours) -> None:
    read = False
    with open_zip(path, kind=AcquireError) as archive, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        members = [member for member in archive.namelist() if member.endswith(".nc")]
        for number, member in enumerate(members):
            part = Path(folder) / f"{number}.nc"
            with open_member(archive, member, kind=AcquireError) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
            read |= _read(
                part, f"the store's reply {path.name}, member {member}", name, units, latitude, longitude, into
            )
    if not read:
        raise AcquireError(f"none of its {len(members)} netCDF members has a variable {name}", where=path)


def _read(
    path: Path, where: str, name: str, units: str, latitude: np.ndarray, longitude: np.ndarray, into: Hours
) -> bool:
    with (
        naming(AcquireError, "cannot be read", where=where, expected="netCDF"),
        xr.open_dataset(path, engine="netcdf4", decode_timedelta=False, cache=False) as data,
    ):
        if name not in data.data_vars:
            return False
        _add(data[name], where, units, latitude, longitude, into)
    return True


def _add(
    variable: xr.DataArray, where: str, units: str, latitude: np.ndarray, longitude: np.ndarray, into: Hours
) -> None:
    if variable.attrs.get("units") != units:
        raise AcquireError(f"{variable.name} has units {variable.attrs.get('units')!r}", where=where, expected=units)
    time = next((name for name in TIMES if name in variable.coords), None)
    if time is None or not {"latitude", "longitude"} <= set(variable.dims):
        raise AcquireError(f"{variable.name} has dimensions {', '.join(map(str, variable.dims))}", where=where)
    if time not in variable.dims:
        variable = variable.expand_dims(time)
    variable = variable.sortby("latitude", ascending=False)
    x = (variable["longitude"].to_numpy().astype(float) - longitude[0] + 180.0) % 360.0 - 180.0 + longitude[0]
    variable = variable.assign_coords(longitude=x).sortby("longitude")
    for axis, asked in (("latitude", latitude), ("longitude", longitude)):
        came = variable[axis].to_numpy().astype(float)
        if came.shape != asked.shape or np.abs(came - asked).max() > NEAR:
            raise AcquireError(
                f"has {len(came)} cells in {axis}, {came.min():g} to {came.max():g}", where=where,
                expected=f"{len(asked)}, {asked.min():g} to {asked.max():g}",
            )  # fmt: skip
    for label, part in _versions(variable, time):
        block = part.transpose(time, ...).to_numpy()
        block = block.reshape(block.shape[0], len(latitude), len(longitude)).astype(np.float32)
        for place, when in enumerate(pd.DatetimeIndex(part[time].to_numpy())):
            mark = label[place] if isinstance(label, np.ndarray) else label
            into.add(when, block[place], str(mark) in PRELIMINARY)


def _versions(variable: xr.DataArray, time: str) -> list[tuple[np.ndarray | str, xr.DataArray]]:
    """The variable by ``expver``, with the versions: one for each time, or one for all."""
    if "expver" in variable.dims:
        return [(str(label), variable.sel(expver=label)) for label in variable["expver"].to_numpy()]
    if "expver" not in variable.coords:
        return [("0001", variable)]
    labels = variable["expver"]
    if labels.ndim == 0:
        return [(str(labels.item()), variable)]
    return [(labels.to_numpy().astype(str), variable)]
