"""ERA5-Land from the Climate Data Store: hourly fields of a month, made into days of UTC.

The store's ready-made daily statistics lack accumulated variables, so days are made here. Temperature is asked for
hour by hour; the rain of a day is what has accumulated since its 00 UTC by 00 UTC of the next day (ECMWF, "ERA5-Land:
data documentation"), so it needs that hour alone, up to the first of the next month. Requests wait in the store's
queue, for minutes or hours; their numbers are kept, and a run that was stopped takes them up again where they stand.

The reply is netCDF, or a ZIP of several whatever its name says (the first bytes decide), its time ``valid_time``.
``expver`` 0005 marks ERA5-Land-T, which is preliminary and replaced after two to three months.

Keys of the catalogue: ``dataset`` of the store; ``resolution``, deg; ``url`` of the terms; ``bands``: band (as it is
asked for), name and units (in the reply), accumulated, scale, offset, clip_below.
"""

from __future__ import annotations

import logging
import time as clocks
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from loam.acquire.access import Access
from loam.acquire.canonical.canonical import check_range
from loam.acquire.catalogue import Dataset
from loam.acquire.direct.cds_jobs import Jobs, NotPublishedError
from loam.acquire.direct.cds_replies import Hours, read_reply
from loam.acquire.http import credentials
from loam.acquire.http.retry import Policy
from loam.acquire.source import Bounds, Fields, Source
from loam.errors import AcquireError
from loam.io.provenance import hash_of_values

log = logging.getLogger("loam")

HOURS = [f"{hour:02d}:00" for hour in range(24)]
SLIGHTLY = 0.1  # by so much, in canonical units, may a value lie below ``clip_below`` and be raised to it


class CdsSource(Source):
    """Daily fields from hourly ones of the Climate Data Store.

    Args:
        dataset: the entry of the catalogue.
        access: what the config says of reaching it.
        workspace: holds the requests' numbers and their replies.
        policy: how long to insist on each request to the server.
        queue_s: how long to wait for the store's queue, s.
        sleep: waits so many seconds.
        clock: seconds that only grow.
    """

    back_end = "direct"
    box = 10.0  # a request waits in a queue: few large ones

    def __init__(
        self,
        dataset: Dataset,
        access: Access,
        workspace: Path,
        *,
        policy: Policy | None = None,
        queue_s: float = 6 * 3600.0,
        sleep: Callable[[float], None] = clocks.sleep,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        super().__init__(dataset, access, workspace)
        self.policy, self.queue_s, self.sleep, self.clock = policy or Policy(), queue_s, sleep, clock
        self._jobs: Jobs | None = None
        self._told_until: date | None = None  # the last day that the store said it has

    def clients(self) -> dict[str, str]:
        """Of the requests (cdsapi, which stands on ecmwf-datastores-client) and the data (requests)."""
        return {name: version_of(name) for name in ("cdsapi", "ecmwf-datastores-client", "requests")}

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """Daily fields on the 0.1 degree cells that cover ``bounds``; sea is missing.

        A day counts as found when all its hours, and the hour that ends its rain, have come.
        """
        requests = self.requests(bounds, days)
        replies = self._fetch(requests)
        try:
            return self._fields(requests, replies, self.cells(bounds), days)
        except AcquireError:
            for path in replies:
                if path is not None:
                    path.unlink(missing_ok=True)  # the next attempt asks for it again
            raise

    def _fields(
        self,
        requests: Sequence[Mapping[str, Any]],
        replies: Sequence[Path | None],
        cells: tuple[np.ndarray, np.ndarray],
        days: Sequence[date],
    ) -> Fields:
        """The daily fields that the replies make."""
        latitude, longitude = cells
        hours: dict[str, Hours] = {}
        for request, path in zip(requests, replies, strict=True):
            for band in self._bands_of(request):
                hours.setdefault(band["name"], Hours())
                if path is not None:
                    read_reply(path, band["name"], band["units"], latitude, longitude, hours[band["name"]])
        values = {name: np.full((len(days), len(latitude), len(longitude)), np.nan, np.float32)
                  for name in self.dataset.variables}  # fmt: skip
        found, provisional = np.zeros(len(days), int), set()
        for place, day in enumerate(days):
            fields = {name: self._day(name, day, hours) for name in self.dataset.variables}
            if any(field is None for field in fields.values()):
                continue
            found[place] = 1
            for name, field in fields.items():
                values[name][place] = field
            if any(hours[band["name"]].is_preliminary(day, _hours_of(band)) for band in self.keys["bands"].values()):
                provisional.add(day)
        for variable in self.dataset.variables.values():
            check_range(
                values[variable.name], variable, where=f"{self.dataset.name}, {days[0]:%Y-%m}",
                place=lambda at: f"{days[at[0]]}, cell ({longitude[at[2]]:g}, {latitude[at[1]]:g})",
            )  # fmt: skip
        data = xr.Dataset(
            {name: (("time", "latitude", "longitude"), block) for name, block in values.items()},
            coords={"time": np.array(days, "datetime64[ns]"), "latitude": latitude, "longitude": longitude},
            attrs={"crs": "EPSG:4326"},
        )
        return Fields(data, found, frozenset(provisional), self._published_until(days, found))

    def cells(self, bounds: Bounds) -> tuple[np.ndarray, np.ndarray]:
        """Latitudes (falling) and longitudes of the cells that cover ``bounds``, with one to spare on each side."""
        step = float(self.keys["resolution"])
        west, south, east, north = bounds
        rows = np.arange(np.floor(south / step + 0.5) - 1, np.ceil(north / step - 0.5) + 2)
        columns = np.arange(np.floor(west / step + 0.5) - 1, np.ceil(east / step - 0.5) + 2)
        return np.round(rows[::-1] * step, 6), np.round(columns * step, 6)

    def requests(self, bounds: Bounds, days: Sequence[date]) -> list[dict[str, Any]]:
        """What is asked of the store for ``days``, which lie in one month."""
        latitude, longitude = self.cells(bounds)
        area = [float(latitude[0]), float(longitude[0]), float(latitude[-1]), float(longitude[-1])]
        bands = self.keys["bands"].values()
        hourly = sorted({band["band"] for band in bands if not band.get("accumulated")})
        summed = sorted({band["band"] for band in bands if band.get("accumulated")})
        ends = [day + timedelta(days=1) for day in days]
        parts = [(hourly, list(days), HOURS)] if hourly else []
        if summed:
            months = sorted({(end.year, end.month) for end in ends})
            parts += [(summed, [end for end in ends if (end.year, end.month) == month], HOURS[:1]) for month in months]
        return [
            {
                "variable": names, "year": f"{dates[0].year:04d}", "month": f"{dates[0].month:02d}",
                "day": [f"{day.day:02d}" for day in dates], "time": times, "area": area,
                "data_format": "netcdf", "download_format": "unarchived",
            }
            for names, dates, times in parts
        ]  # fmt: skip

    def _bands_of(self, request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        bands = {band["name"]: band for band in self.keys["bands"].values() if band["band"] in request["variable"]}
        return list(bands.values())

    def _fetch(self, requests: Sequence[Mapping[str, Any]]) -> list[Path | None]:
        """The replies' files, None where nothing that was asked for is published yet."""
        folder = self.workspace / "replies"
        if self._jobs is None:
            login = credentials.cds()
            self._jobs = Jobs(login, self.keys, self.policy, self.queue_s, self.sleep, self.clock)
        paths = [folder / f"{hash_of_values(request)}.nc" for request in requests]
        waiting = [(request, path) for request, path in zip(requests, paths, strict=True) if not path.exists()]
        jobs = [self._jobs.submit(request, path.with_suffix(".job.json")) for request, path in waiting]
        for job, (_, path) in zip(jobs, waiting, strict=True):
            try:
                self._jobs.fetch(job, path)
            except NotPublishedError as told:
                log.info("%s: %s", self.dataset.name, told)
                self._told_until = told.until
        return [path if path.exists() else None for path in paths]

    def _published_until(self, days: Sequence[date], found: np.ndarray) -> date | None:
        """The last complete day, where some lack: what comes after was not there when it was asked for."""
        if found.all():
            return None
        seen = [day for day, count in zip(days, found, strict=True) if count]
        told = [self._told_until] if self._told_until else []
        return max([*seen, *told], default=days[0] - timedelta(days=1))

    def _day(self, name: str, day: date, hours: Mapping[str, Hours]) -> np.ndarray | None:
        """A variable's field of ``day`` in canonical units; None while an hour of it lacks."""
        band = self.keys["bands"][name]
        given = hours[band["name"]]
        fields = [given.at(day, hour) for hour in _hours_of(band)]
        if any(field is None for field in fields):
            return None
        reduce = {"min": np.minimum, "max": np.maximum}.get(band.get("statistic"))
        field = reduce.reduce(np.stack(fields)) if reduce else fields[0]
        values = field.astype(np.float64) * band.get("scale", 1.0) + band.get("offset", 0.0)
        if (floor := band.get("clip_below")) is not None:
            values = np.where((values < floor) & (values >= floor - SLIGHTLY), floor, values)
        return values.astype(np.float32)


def _hours_of(band: Mapping[str, Any]) -> Sequence[int]:
    """The hours after 00 UTC of a day whose fields make its value: all, or that by which its rain has accumulated."""
    return [24] if band.get("accumulated") else range(24)
