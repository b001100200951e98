"""Fields from NASA's archives (SMAP L4 and L3E at NSIDC, NLDAS-2 at GES DISC), granule by granule, cut to the region.

A granule is global. Where its server takes byte ranges, the region's cells are read out of it in place
(``loam.acquire.http.remote_file``); where not, and where it is small, it is fetched whole, compared with size and
checksum in the catalogue, cut and deleted. The cut is kept until the month is complete, so a killed run goes on with
the granules that lack, and the disk holds one granule at most. The archives' own subsetters (OPeNDAP, Harmony) are not
used: they do not serve all these collections, and ranges do the same with nothing between the archive and the file.

Keys of the catalogue: ``short_name``; ``version``, or ``splices`` (version, first, last); ``group``; ``crs``
(EPSG:6933: the 9 km
EASE-Grid 2.0; else ``grid`` declares latitude and longitude: [first, last, count]); ``bands``: band or overpasses with
flags and good values, units (that the
file may name), scale, offset, statistic (mean, sum, min, max of the day's fields), from_hour (the hour of the
day from which on its fields count: 1 for a sum over the hour that ends with its time).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import xarray as xr

from loam.acquire.access import Access
from loam.acquire.canonical.check import check_magic
from loam.acquire.catalogue import Dataset
from loam.acquire.direct.crops import Crop, check_crop, kept_crop, read_crop
from loam.acquire.direct.granule_cells import crop_of, mean_of
from loam.acquire.direct.granules import RENEW, TERMS, Granule, latest_granule, list_granules, sign_in
from loam.acquire.direct.region_cells import EASE_CRS, Window, declared_window, ease_window
from loam.acquire.http.content import HDF5
from loam.acquire.http.download import download
from loam.acquire.http.remote_file import NoRangesError, RemoteFile
from loam.acquire.http.retry import Policy, status_of
from loam.acquire.http.session import new_session
from loam.acquire.source import Bounds, Fields, Source
from loam.errors import AcquireError, CredentialError
from loam.io.progress import progress
from loam.io.provenance import hash_of_values

if TYPE_CHECKING:
    from earthaccess.auth import Auth
    from earthaccess.system import System

log = logging.getLogger("loam")

SUFFIXES = (".h5", ".nc", ".nc4", ".hdf5")
SMALL = 4 << 20  # bytes up to which a granule is fetched whole
STATISTICS = {"sum": np.sum, "min": np.min, "max": np.max}  # besides the mean


class EarthdataSource(Source):
    """Fields from NASA's archives.

    Args:
        dataset: the entry of the catalogue.
        access: what the config says of reaching it.
        workspace: holds the cut granules.
        policy: how long to insist.
        system: where login and catalogue are; NASA's own if not given.
        trusted: ends of the host names that get the token.
    """

    back_end = "direct"
    box = 60.0  # a granule holds all stations, so it is read for all of them at once

    def __init__(
        self,
        dataset: Dataset,
        access: Access,
        workspace: Path,
        *,
        policy: Policy | None = None,
        system: System | None = None,
        trusted: Sequence[str] = (".nasa.gov",),
    ) -> None:
        super().__init__(dataset, access, workspace)
        self.policy, self.system, self.trusted = policy or Policy(), system, tuple(trusted)
        self.session = new_session()
        self._signed_in: Auth | None = None
        self._ranges = True  # until the server shows that it takes none

    def clients(self) -> dict[str, str]:
        """Of the login and the list (earthaccess), the data (requests) and the cells (h5py)."""
        return {name: version_of(name) for name in ("earthaccess", "requests", "h5py")}

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """The fields of ``days`` on the native cells that cover ``bounds``; each the statistic of the day's granules.

        A mean is taken of the fields that there are; a sum, lowest or highest of an incomplete day is missing.
        """
        granules = self._list(days)
        crops: dict[datetime, Path] = {}
        first: Crop | None = None
        key = hash_of_values([list(bounds), {name: dict(band) for name, band in self.keys["bands"].items()}])
        with progress(len(granules), f"{self.dataset.name} granules") as bar:
            for granule in granules:
                where = f"{self.dataset.name} granule {granule.name}"
                path = self.workspace / "granules" / f"{granule.name}.{key}.npz"
                crop = kept_crop(
                    path, lambda granule=granule, where=where: self._cut(granule, bounds, where),
                    self.dataset, self._flagged, where,
                )  # fmt: skip
                first = first or crop
                if crop["y"].shape != first["y"].shape or not np.allclose(crop["y"], first["y"]):
                    raise AcquireError("its cells are others than the granules' before", where=where)
                crops[granule.begins] = path
                bar.step()
        found = np.array([self._found(day, crops) for day in days])
        until = self._published_until() if (found < self.dataset.fields_a_day).any() else None
        window = self._window_of(first, bounds)
        values = {name: np.full((len(days), *window.shape), np.nan, np.float32) for name in self.dataset.variables}
        for place, day in enumerate(days):
            for name in self.dataset.variables:
                values[name][place] = self._day(name, day, crops, window.shape)
        data = xr.Dataset(
            {name: (("time", *window.dims), block) for name, block in values.items()},
            coords={"time": np.array(days, "datetime64[ns]"), window.dims[0]: window.y, window.dims[1]: window.x},
            attrs={"crs": window.crs},
        )
        if self.dataset.step_hours < 24:
            data["n_fields"] = ("time", found.astype(np.int16))
        return Fields(data, found, published_until=until)

    @property
    def _flagged(self) -> bool:
        return any("flags" in band for band in self.keys["bands"].values())

    @property
    def _fields_a_granule(self) -> int:
        return max(len(band.get("overpasses", [0])) for band in self.keys["bands"].values())

    @property
    def _latest_start(self) -> int:
        """The hour from which on the last of the bands counts a day's fields."""
        return max(int(band.get("from_hour", 0)) for band in self.keys["bands"].values())

    def _auth(self) -> Auth:
        if self._signed_in is None:
            from earthaccess.system import PROD

            self._signed_in = sign_in(self.system or PROD, self.policy)
        return self._signed_in

    def _splices(self) -> list[tuple[str, date, date]]:
        parts = self.keys.get("splices") or [{"version": self.keys["version"]}]
        return [(part["version"], part.get("first", date.min), part.get("last", date.max)) for part in parts]

    def _list(self, days: Sequence[date]) -> list[Granule]:
        """The granules of ``days``, each from the version that serves its day."""
        wanted = set(days)
        last = max(days) + timedelta(days=1 if self._latest_start else 0)
        granules = []
        for version, begins, ends in self._splices():
            one, other = max(min(days), begins), min(last, ends)
            if one <= other:
                granules += list_granules(
                    self._auth(), self.keys["short_name"], version, one, other, SUFFIXES, self.policy
                )
        needed = timedelta(hours=self._latest_start)
        return [item for item in granules if item.begins.date() in wanted or (item.begins - needed).date() in wanted]

    def _published_until(self) -> date | None:
        """The last day of which the archive has all granules, by its newest one."""
        version = self._splices()[-1][0]
        newest = latest_granule(self._auth(), self.keys["short_name"], version, SUFFIXES, self.policy)
        if newest is None:
            return None
        step = timedelta(hours=self.dataset.step_hours * self._fields_a_granule - self._latest_start)
        return (newest.begins + step).date() - timedelta(days=1)

    def _of_day(self, name: str, day: date, crops: Mapping[datetime, Path]) -> list[Path]:
        start = datetime.combine(day, time.min, UTC) + timedelta(hours=self.keys["bands"][name].get("from_hour", 0))
        return [path for when, path in sorted(crops.items()) if start <= when < start + timedelta(days=1)]

    def _found(self, day: date, crops: Mapping[datetime, Path]) -> int:
        return min(len(self._of_day(name, day, crops)) for name in self.dataset.variables) * self._fields_a_granule

    def _day(self, name: str, day: date, crops: Mapping[datetime, Path], shape: tuple[int, int]) -> np.ndarray:
        paths = self._of_day(name, day, crops)
        statistic = self.keys["bands"][name].get("statistic", "mean")
        complete = len(paths) * self._fields_a_granule == self.dataset.fields_a_day
        if not paths or (statistic != "mean" and not complete):
            return np.full(shape, np.nan, np.float32)
        fields = np.stack([read_crop(path)[name] for path in paths]).astype(np.float64)
        if statistic != "mean":
            return STATISTICS[statistic](fields, axis=0).astype(np.float32)
        return mean_of(fields)

    def _window_of(self, crop: Crop | None, bounds: Bounds) -> Window:
        if self.keys["crs"] == EASE_CRS:
            return ease_window(bounds, self.dataset.name)
        if crop is None:
            return declared_window(self.keys["grid"], bounds, self.dataset.name)
        y, x = crop["y"], crop["x"]
        return Window(slice(0, len(y)), slice(0, len(x)), y, x, self.keys["crs"])

    def _cut(self, granule: Granule, bounds: Bounds, where: str) -> Crop:
        """The region's cells of a granule, from its server."""
        fix = RENEW
        try:
            if self._ranges and (granule.size is None or granule.size > SMALL):
                try:
                    return self._cut_in_place(granule, bounds, where)
                except NoRangesError:
                    self._ranges = False
                    log.info("%s: its server takes no byte ranges; granules are fetched whole", self.dataset.name)
            return self._cut_whole(granule, bounds, where)
        except CredentialError as error:
            if status_of(error) == 403 or "eula" in str(error).lower():
                fix = TERMS
            raise CredentialError(error.what, where=where, fix=fix) from error

    def _cut_in_place(self, granule: Granule, bounds: Bounds, where: str) -> Crop:
        access = self._access(granule)
        with RemoteFile(
            granule.url, session=self.session, policy=self.policy, what=where, size=granule.size, **access
        ) as file:
            if not file.head.startswith(HDF5):
                raise NoRangesError  # whole, it is told from a page in its place
            try:
                return crop_of(file, self.dataset, self.keys, bounds, where)
            except AcquireError:
                if file.error is not None:
                    raise file.error from None
                raise

    def _cut_whole(self, granule: Granule, bounds: Bounds, where: str) -> Crop:
        path = self.workspace / granule.name

        def check(part: Path) -> None:
            _check_described(part, granule)
            check_magic(part, "hdf5")
            check_crop(crop_of(part, self.dataset, self.keys, bounds, where), self.dataset, self._flagged, where)

        try:
            download(
                granule.url, path, check=check, session=self.session, policy=self.policy, what=where,
                **self._access(granule),
            )  # fmt: skip
            return crop_of(path, self.dataset, self.keys, bounds, where)
        finally:
            path.unlink(missing_ok=True)

    def _access(self, granule: Granule) -> dict[str, Any]:
        """The token, for the archive's hosts and the login's alone."""
        auth = self._auth()
        host = urlsplit(granule.url).hostname or ""
        if not any(f".{host}".endswith(end) for end in self.trusted):
            raise AcquireError(f"the catalogue leads to {host}", where=granule.name, expected=" or ".join(self.trusted))
        token = {"Authorization": f"Bearer {auth.token['access_token']}"}
        login = (auth.username, auth.password) if auth.username and auth.password else _Bearer(token)
        return {"headers": token, "redirect_auth": {auth.system.edl_hostname.split(":")[0]: login}, "fix": RENEW}


class _Bearer:
    """Puts the token on a request to the login's host."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: Any) -> Any:
        request.headers.update(self._headers)
        return request


def _check_described(path: Path, granule: Granule) -> None:
    """Compare size and checksum with the catalogue's."""
    size = path.stat().st_size
    if granule.size is not None and size != granule.size:
        raise AcquireError(f"has {size} bytes", where=path, expected=f"{granule.size} bytes, as the catalogue says")
    if granule.checksum is not None:
        algorithm, expected = granule.checksum
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).hexdigest()
        if digest != expected:
            raise AcquireError(f"{algorithm} is {digest}", where=path, expected=f"{expected}, as the catalogue says")
