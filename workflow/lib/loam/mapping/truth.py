"""A map beside the known moisture of the same pixels, for worlds where moisture is known everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from loam.covariates.cells import open_cells
from loam.errors import RasterError
from loam.grid import geobox_of, open_raster, same_grid


@dataclass(frozen=True)
class Pair:
    """One layer's moisture at all pixels where the map and the truth have a value, each [pixel], m3 m-3, float64."""

    layer: str
    observed: np.ndarray
    predicted: np.ndarray
    std: np.ndarray


def paired(map_path: str | Path, truth_path: str | Path, layers: Sequence[str], day: str) -> Iterator[Pair]:
    """Each layer of a map beside the truth (netCDF, one variable a layer) of ``day`` (YYYY-MM-DD).

    Raises:
        RasterError: the truth has another grid, lacks a layer or the day, or shares no pixel with the map.
    """
    with open_raster(map_path) as mapped, open_cells(truth_path, layers) as truth:
        if not same_grid(geobox_of(mapped), truth.geobox):
            raise RasterError("has another grid than the map", where=truth_path, expected=f"the grid of {map_path}")
        bands = {name: band for band, name in enumerate(mapped.descriptions, start=1)}
        rows, cols = (slice(0, size) for size in truth.geobox.shape)
        for layer in layers:
            mean, std = (mapped.read(bands[f"{layer}_{statistic}"]) for statistic in ("mean", "std"))
            known = truth.read(layer, date.fromisoformat(day), rows, cols)
            both = np.isfinite(mean) & np.isfinite(known)
            if not both.any():
                raise RasterError(f"shares no pixel of '{layer}' with the truth", where=map_path)
            yield Pair(layer, *(field[both].astype(np.float64) for field in (known, mean, std)))
