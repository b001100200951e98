"""Fields that lie as one small netCDF file a day behind an address that is known beforehand (ESA CCI soil moisture).

Each file is fetched whole, checked, cut to the region and deleted; the cut is kept until the month is complete.

Keys of the catalogue: ``url``, a template with {day:%Y%m%d} and the like; ``record_end``, the last day of a record that
has one; ``grid``: latitude and longitude: [first, last, count]; ``bands``: band, units, scale, offset, flag and the
good values of it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from loam.acquire.canonical.check import check_magic
from loam.acquire.direct.crops import Crop, check_crop, kept_crop
from loam.acquire.direct.file_source import FileSource
from loam.acquire.direct.grid_file import LATITUDES, LONGITUDES, GridFile, open_grid_file
from loam.acquire.direct.region_cells import Window, declared_window, found_window
from loam.acquire.http.download import download
from loam.acquire.http.retry import status_of
from loam.acquire.source import Bounds, Fields
from loam.errors import AcquireError
from loam.io.progress import progress
from loam.io.provenance import hash_of_values

log = logging.getLogger("loam")


class NetcdfDaySource(FileSource):
    """Fields from a netCDF file a day.

    Args:
        dataset: the entry of the catalogue.
        access: what the config says of reaching it.
        workspace: holds the cut files.
        policy: how long to insist.
    """

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """The fields of ``days`` on the file's cells that cover ``bounds``, where the flags are good.

        A day whose file the server does not have counts as without a field; days after the record's end are not asked
        for.
        """
        window = declared_window(self.keys["grid"], bounds, self.dataset.name)
        end = self.keys.get("record_end")
        key = hash_of_values([list(bounds), {name: dict(band) for name, band in self.keys["bands"].items()}])
        values = {name: np.full((len(days), *window.shape), np.nan, np.float32) for name in self.dataset.variables}
        found = np.zeros(len(days), int)
        with progress(len(days), f"{self.dataset.name} days") as bar:
            for place, day in enumerate(days):
                crop = None if end is not None and day > end else self._crop_of(day, bounds, key)
                if crop is not None:
                    found[place] = 1
                    flipped = crop["y"][0] != window.y[0]
                    for name, block in values.items():
                        block[place] = crop[name][::-1] if flipped else crop[name]
                bar.step()
        data = xr.Dataset(
            {name: (("time", *window.dims), block) for name, block in values.items()},
            coords={"time": np.array(days, "datetime64[ns]"), window.dims[0]: window.y, window.dims[1]: window.x},
            attrs={"crs": window.crs},
        )
        return Fields(data, found, published_until=end)

    @property
    def _flagged(self) -> bool:
        return any("flag" in band for band in self.keys["bands"].values())

    def _crop_of(self, day: date, bounds: Bounds, key: str) -> Crop | None:
        url = self.keys["url"].format(day=day)
        name = url.rsplit("/", 1)[-1]
        where = f"{self.dataset.name} of {day}"
        try:
            return kept_crop(
                self.workspace / "days" / f"{name}.{key}.npz", lambda: self._fetch(url, name, day, bounds, where),
                self.dataset, self._flagged, where,
            )  # fmt: skip
        except AcquireError as error:
            if status_of(error) != 404:
                raise
            log.info("%s: the server has no file", where)
            return None

    def _fetch(self, url: str, name: str, day: date, bounds: Bounds, where: str) -> Crop:
        path = self.workspace / name

        def check(part: Path) -> None:
            check_magic(part, "netcdf")
            check_crop(self._crop(part, day, bounds, where), self.dataset, self._flagged, where)

        try:
            download(url, path, check=check, session=self.session, policy=self.policy, what=where)
            return self._crop(path, day, bounds, where)
        finally:
            path.unlink(missing_ok=True)

    def _crop(self, path: Path, day: date, bounds: Bounds, where: str) -> Crop:
        with open_grid_file(path, where) as file:
            if (days := file.days()) != [day]:
                raise AcquireError(f"holds {', '.join(map(str, days)) or 'no day'}", where=where, expected=str(day))
            latitude, longitude = (file.raw(file.first_of(names)) for names in (LATITUDES, LONGITUDES))
            window = found_window(latitude, longitude, self.keys["grid"], bounds, where)
            crop: Crop = {"y": window.y, "x": window.x}
            for name in self.dataset.variables:
                crop[name] = self._band(file, self.keys["bands"][name], window, where)
        return crop

    def _band(self, file: GridFile, band: Mapping[str, Any], window: Window, where: str) -> np.ndarray:
        file.check_units(band["band"], band["units"])
        names = [band["band"]] + ([band["flag"]] if "flag" in band else [])
        fields = []
        for name in names:
            sizes = tuple(int(self.keys["grid"][axis][2]) for axis in ("latitude", "longitude"))
            shape = file.shape(name)
            if shape[-2:] != sizes or any(size != 1 for size in shape[:-2]):
                raise AcquireError(
                    f"{name} has {' x '.join(map(str, shape))} cells", where=where,
                    expected=f"1 x {' x '.join(map(str, sizes))}",
                )  # fmt: skip
            before = (0,) * (len(shape) - 2)
            fields.append(file.values(name, *before, window.rows, window.columns, nodata=self.dataset.nodata))
        values = fields[0] if "flag" not in band else np.where(np.isin(fields[1], band["good"]), fields[0], np.nan)
        return (values * band.get("scale", 1.0) + band.get("offset", 0.0)).astype(np.float32)
