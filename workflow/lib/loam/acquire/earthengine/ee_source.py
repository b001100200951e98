"""Earth Engine as a ``Source``: maps, fields and values at stations of the datasets that are kept there."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.catalogue import Dataset
from loam.acquire.earthengine.client import REQUESTS, Client, Connected, clients
from loam.acquire.earthengine.ee_fields import read_fields
from loam.acquire.earthengine.ee_maps import Maps
from loam.acquire.earthengine.ee_points import sample_fields, sample_map
from loam.acquire.source import Bounds, Fields, Source


class EarthEngineSource(Connected, Source):
    """One dataset from Earth Engine; signs in at the first question.

    Args:
        dataset: the entry of the catalogue.
        access: what the config says of reaching it.
        workspace: not used; a request is whole or not at all.
        client: an open connection, if there is one.
    """

    back_end = "earthengine"
    concurrent = REQUESTS

    def __init__(self, dataset: Dataset, access: Access, workspace: Path, client: Client | None = None) -> None:
        super().__init__(dataset, access, workspace)
        self._client, self._map_reader, self._lock = client, None, threading.Lock()

    @property
    def _maps(self) -> Maps:
        client = self.client
        with self._lock:
            if self._map_reader is None:
                self._map_reader = Maps(client, self.dataset, self.keys)
            return self._map_reader

    @property
    def notes(self) -> dict[str, Any]:
        """What the provenance should add: the images that maps were read from, and the quota."""
        if self._client is None:
            return {}
        transport = self._client.transport
        return {
            "assets": dict(self._maps.assets), "requests": transport.requests, "bytes_received": transport.bytes,
            "quota": dict(transport.quota),
        }  # fmt: skip

    def clients(self) -> dict[str, str]:
        """Names and versions of the libraries that talk to the server."""
        return clients()

    def read_map(self, variable: str, geobox: GeoBox) -> np.ndarray:
        """As ``Source.read_map``."""
        return self._maps.read(variable, geobox, smooth=self.smooth)

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """As ``Source.read_fields``."""
        return read_fields(self.client, self.dataset, self.keys, bounds, days, self.access.asked_on)

    def sample_map(self, variable: str, stations: pd.DataFrame, resolution: float) -> np.ndarray:
        """As ``Source.sample_map``."""
        return sample_map(self._maps, variable, stations, resolution)

    def sample_fields(self, stations: pd.DataFrame, days: Sequence[date]) -> tuple[pd.DataFrame, Fields]:
        """As ``Source.sample_fields``."""
        return sample_fields(self.client, self.dataset, self.keys, stations, days, self.access.asked_on)
