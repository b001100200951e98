"""What every back end gives: one ``Source`` a dataset, whether it stands on Earth Engine, on a provider's own server
or on local files.

A source reads; it does not decide where things go. ``loam.acquire.steps.fetch_maps``, ``fetch_fields`` and
``fetch_points`` ask it for blocks of a map, months of fields or values at stations, check what comes and write the
canonical files.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.catalogue import Dataset, Variable
from loam.raster import dateline

Bounds = dateline.Bounds  # west, south, east, north, degrees; a source is asked for one with east to 180


@dataclass(frozen=True)
class Fields:
    """Fields of some days, as a back end gave them and in the canonical units.

    Args:
        data: variables of the dataset (time, y, x) or (time, latitude, longitude) on their native cells, float32, NaN
            where missing, ``time`` at midnight of each day asked for; 1-D coordinates of cell centres; attribute
            ``crs`` (EPSG code or WKT). ``n_fields`` (time) where a day is the mean of several fields.
        found: how many fields each day had, in the order of ``time``; 0 where there was none.
        provisional: days whose data the provider will replace.
        published_until: the last day that the provider has published, None if it cannot be known.
    """

    data: xr.Dataset
    found: np.ndarray
    provisional: frozenset[date] = frozenset()
    published_until: date | None = None


class Source(ABC):
    """One dataset from one back end.

    Args:
        dataset: the entry of the catalogue.
        access: what the config says of reaching it.
        workspace: a folder for what is kept between attempts (replies, tiles); the caller removes it when all is done.
    """

    back_end: str
    tile = 1024  # pixels a side that a map is best asked for in
    concurrent = 1  # tiles that may be asked for at once: more only where ``read_map`` may run in several threads
    smooth = False  # whether a map's numbers go smoothly from pixel to pixel, as slopes need heights
    box = 2.0  # degrees a side of the boxes that stations are gathered in, where fields are read for them

    def __init__(self, dataset: Dataset, access: Access, workspace: Path) -> None:
        self.dataset, self.access, self.workspace = dataset, access, workspace
        self.keys = dataset.back_end(self.back_end)

    @abstractmethod
    def clients(self) -> dict[str, str]:
        """Names and versions of the libraries that talk to the server, for the provenance."""

    @property
    def notes(self) -> dict[str, Any]:
        """What else the provenance should hold: files, images, quotas; never a secret."""
        return {}

    def as_held(self, variable: Variable) -> Dataset:
        """The dataset with what the source's own files say of a map, as the vertical datum of its heights."""
        return self.dataset

    def native_metres(self, variable: str, geobox: GeoBox) -> float | None:
        """Side of a map's own pixels in the region of ``geobox``, m; None where it has none of its own."""
        return self.keys.get("pixel_m")

    def covered(self, variable: str, geobox: GeoBox) -> tuple[slice, slice] | None:
        """Rows and columns of ``geobox`` within which a map can hold anything; None where it covers whole regions."""
        return None

    def read_map(self, variable: str, geobox: GeoBox) -> np.ndarray:
        """One variable of a map on the pixels of ``geobox`` (a tile): [band, height, width].

        float32 with NaN where missing, in canonical units; classes as integers with the dataset's nodata.
        """
        raise NotImplementedError(f"{self.dataset.name} from {self.back_end} has no maps")

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """The fields of ``days`` on the native cells that cover ``bounds``, with one cell to spare on each side."""
        raise NotImplementedError(f"{self.dataset.name} from {self.back_end} has no fields")

    def sample_map(self, variable: str, stations: pd.DataFrame, resolution: float) -> np.ndarray | None:
        """One variable at stations (columns station, latitude, longitude): [station, band].

        The value is that of a square of ``resolution`` metres around the station. None: the back end has no way of its
        own, so ``points`` reads a pixel of that size with ``read_map``.
        """
        return None

    def sample_fields(self, stations: pd.DataFrame, days: Sequence[date]) -> tuple[pd.DataFrame, Fields] | None:
        """Variables at stations, of the cell whose centre is nearest: columns station, date, the variables.

        With it a ``Fields`` whose ``data`` holds ``time`` alone. None: ``points`` samples ``read_fields``.
        """
        return None


class SceneSource(ABC):
    """Scenes of a satellite: which there are, and their files."""

    def __init__(self, dataset: Dataset, access: Access) -> None:
        self.dataset, self.access = dataset, access

    @abstractmethod
    def clients(self) -> dict[str, str]:
        """Names and versions of the libraries that talk to the server, for the provenance."""

    @abstractmethod
    def list_scenes(self, bounds: Bounds, first: date, last: date) -> pd.DataFrame:
        """The scenes that touch ``bounds`` from ``first`` to ``last`` (``scene_table.SCENES``), by time."""

    @abstractmethod
    def fetch_scene(self, scene: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Fetch the scene (a row of the table) to ``path``, whole or not at all; what the provenance should add."""
