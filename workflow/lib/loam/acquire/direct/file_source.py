"""What sources have in common that read netCDF files from a plain web server."""

from __future__ import annotations

from importlib.metadata import version as version_of
from pathlib import Path

from loam.acquire.access import Access
from loam.acquire.catalogue import Dataset
from loam.acquire.http.retry import Policy
from loam.acquire.http.session import new_session
from loam.acquire.source import Source


class FileSource(Source):
    """Fields from netCDF files that hold all stations.

    Args:
        dataset: the entry of the catalogue.
        access: what the config says of reaching it.
        workspace: holds what is kept of the files.
        policy: how long to insist.
    """

    back_end = "direct"
    box = 60.0  # a file holds all stations

    def __init__(self, dataset: Dataset, access: Access, workspace: Path, *, policy: Policy | None = None) -> None:
        super().__init__(dataset, access, workspace)
        self.policy, self.session = policy or Policy(), new_session()

    def clients(self) -> dict[str, str]:
        """Of the data (requests) and the cells (h5py, netCDF4)."""
        return {name: version_of(name) for name in ("requests", "h5py", "netCDF4")}
