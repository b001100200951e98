"""Whether classes and reasons of ``trust.tif`` find the pixels that are wrong, where the true moisture is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from loam.errors import RasterError
from loam.raster.bands import values_of_band
from loam.raster.cells import open_cells
from loam.raster.grid import geobox_of, open_raster, same_grid, tiles_of
from loam.trust.pixel_reasons import INPUTS, MEANING, PLACE, RELATIVE

BLOCK = 512  # pixels a side
BAD, GOOD = 0.10, 0.05  # m3 m-3: an error above the one, below the other
LOWEST = "two lowest classes"


def trust_against_truth(
    map_path: str | Path, trust: str | Path, truth: str | Path, layers: Sequence[str], day: str
) -> pd.DataFrame:
    """Shares of all pixels, of the bad and of the good ones that are in a class or have a reason.

    Args:
        map_path: of a day's map, with bands ``<layer>_mean``.
        trust: the file beside it.
        truth: netCDF with a variable a layer [time, y, x], m3 m-3.
        layers: names.
        day: YYYY-MM-DD.

    Returns:
        Columns layer, name (of a class; ``LOWEST``: ``RELATIVE`` and worse; of a reason; ``dissimilarity > N %`` of the
        end of the area of applicability), n (pixels), all, bad, good (shares), rmse (of the pixels so marked), m3 m-3.

    Raises:
        RasterError: the files have different grids, or share no pixel.
    """
    totals: dict[tuple[str, str], np.ndarray] = {}
    with open_raster(map_path) as mapped, open_raster(trust) as graded, open_cells(truth, layers) as known:
        for path, geobox in ((trust, geobox_of(graded)), (truth, known.geobox)):
            if not same_grid(geobox_of(mapped), geobox):
                raise RasterError("has another grid than the map", where=path, expected=f"the grid of {map_path}")
        means = {name: band for band, name in enumerate(mapped.descriptions, start=1)}
        for tile in tiles_of(known.geobox, BLOCK):
            rows, cols = slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width)
            bands = dict(zip(graded.descriptions, graded.read(window=tile.window), strict=True))
            for layer in layers:
                predicted = values_of_band(mapped, means[f"{layer}_mean"], window=tile.window)
                error = np.abs(predicted - known.read(layer, date.fromisoformat(day), rows, cols))
                scored = np.isfinite(error)
                error = error[scored].astype(float)
                for name, marked in _marks({band: values[scored] for band, values in bands.items()}).items():
                    totals[layer, name] = totals.get((layer, name), 0) + _counts(error, marked)
    found = [
        {"layer": layer, "name": name, "n": int(marked[0]), "all": marked[0] / whole[0], "bad": marked[1] / whole[1],
         "good": marked[2] / whole[2], "rmse": np.sqrt(marked[3] / marked[0])}
        for (layer, name), (marked, whole) in totals.items() if marked[0]
    ]  # fmt: skip
    if not found:
        raise RasterError("shares no pixel with the truth", where=map_path)
    return pd.DataFrame(found)


def _counts(error: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """Number of pixels, of bad and of good ones, and sum of squares [of the marked, of all] [2, 4]."""
    parts = np.stack([np.ones(len(error)), error > BAD, error < GOOD, error**2])
    return np.stack([parts[:, marked].sum(axis=1), parts.sum(axis=1)])


def _marks(bands: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which pixels are in each class, have each reason and lie beyond some indices: by name [pixel]."""
    found = {text.split(":")[0]: bands["class"] == number for number, text in MEANING.items()}
    found[LOWEST] = bands["class"] >= RELATIVE
    for band, reasons in (("reasons_inputs", INPUTS), ("reasons_place", PLACE)):
        found |= {reason.name: bands[band] & reason.bit > 0 for reason in reasons.values()}
    index = bands["dissimilarity"]
    told = index < 255
    return found | {f"dissimilarity > {limit} %": told & (index > limit) for limit in (50, 60, 70, 80, 90, 100, 150)}
