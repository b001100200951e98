"""Maps of several days: their mean over a month, a season or a year, and a day against its own record.

Every pixel is summarised over the days on which it has a value. Tiles are read one after another and the days of a tile
one after another, so that memory is bounded by the tile, whatever the number of days.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rasterio.enums import Resampling

from loam.config.map_bands import OF_MEMBERS
from loam.errors import RasterError
from loam.io.progress import counted
from loam.mapping.contents import ENCODED
from loam.raster.bands import values_of_band
from loam.raster.cog import Content, open_map
from loam.raster.grid import Grid, Tile, open_raster

MEAN, SPREAD = OF_MEMBERS
DAYS = Content("Days with a value", "uint16", 0, "1", Resampling.average)
PERCENTILES = Content("Share of the record's days that are drier", "uint8", 255, "percent", Resampling.average)

log = logging.getLogger("loam")


def mean_map(
    maps: Sequence[str | Path], layers: Sequence[str], grid: Grid, path: str | Path, days: str | Path,
    tags: Mapping[str, object], encoding: str,
) -> None:  # fmt: skip
    """The mean of days' maps.

    Args:
        maps: ``soil_moisture.tif`` of each day.
        layers: names.
        grid: of the maps.
        path: of the mean: bands ``<layer>_mean`` (m3 m-3) and ``<layer>_std``, the mean of the days' spread.
        days: path of the number of days with a value at each pixel: bands ``<layer>_days``.
        tags: of both files.
        encoding: ``int16`` or ``float32``.

    Raises:
        RasterError: a map is on another grid, or lacks a band.
    """
    bands = [f"{layer}_{statistic}" for statistic in (MEAN, SPREAD) for layer in layers]
    counts = [f"{layer}_days" for layer in layers]
    tags = {**tags, "days": len(maps)}
    with open_map(path, grid, bands, tags, ENCODED[encoding]) as means, open_map(days, grid, counts, tags, DAYS) as of:
        for tile in counted(grid.tiles, "tiles"):
            total = np.zeros((tile.height * tile.width, len(bands)))
            seen = np.zeros(total.shape, np.int64)
            for one in maps:
                values = _read(one, bands, grid, tile)
                known = np.isfinite(values)
                total[known] += values[known]
                seen += known
            pixel = np.flatnonzero(seen[:, : len(layers)].any(axis=1))
            with np.errstate(invalid="ignore"):
                means.write(tile, pixel, (total / np.where(seen, seen, np.nan))[pixel])
            of.write(tile, pixel, seen[pixel, : len(layers)].astype(np.uint16))
    log.info("mean of %d days", len(maps))


def against_record(
    day: str | Path, record: Sequence[str | Path], layers: Sequence[str], grid: Grid, anomaly: str | Path,
    percentile: str | Path, tags: Mapping[str, object],
) -> None:  # fmt: skip
    """A day's map against those of the same time of the year.

    Args:
        day: ``soil_moisture.tif`` of the day.
        record: those of the record, the day's among them.
        layers: names.
        grid: of the maps.
        anomaly: path of ``<layer>_anomaly``: mean of the day less that of the record's days at the pixel, m3 m-3.
        percentile: path of ``<layer>_percentile``: share of the record's other days that are drier, those that are as
            wet counted half, percent.
        tags: of both files.

    Raises:
        RasterError: a map is on another grid, or lacks a band.
    """
    bands = [f"{layer}_{MEAN}" for layer in layers]
    names = [[f"{layer}_{what}" for layer in layers] for what in ("anomaly", "percentile")]
    others = [one for one in record if Path(one) != Path(day)]
    tags = {**tags, "record_days": len(record)}
    with (
        open_map(anomaly, grid, names[0], tags, ENCODED["int16"]) as anomalies,
        open_map(percentile, grid, names[1], tags, PERCENTILES) as percentiles,
    ):
        for tile in counted(grid.tiles, "tiles"):
            today = _read(day, bands, grid, tile)
            total, seen, drier = np.nan_to_num(today), np.isfinite(today).astype(float), np.zeros_like(today)
            for one in others:
                values = _read(one, bands, grid, tile)
                known = np.isfinite(values) & np.isfinite(today)
                total[known] += values[known]
                seen += known
                drier += known * (np.nan_to_num(values) < today) + 0.5 * (known & (values == today))
            pixel = np.flatnonzero((seen > 1).any(axis=1))
            with np.errstate(invalid="ignore", divide="ignore"):
                several = np.where(seen > 1, seen, np.nan)
                anomalies.write(tile, pixel, (today - total / several)[pixel])
                share = 100 * drier / (several - 1)
            percentiles.write(tile, pixel, np.where(np.isfinite(share), np.rint(share), 255)[pixel].astype(np.uint8))
    log.info("against %d days of the record", len(others))


def _read(path: str | Path, bands: Sequence[str], grid: Grid, tile: Tile) -> np.ndarray:
    """Bands of a tile by their names: [pixel, band], NaN where there is no value."""
    with open_raster(path) as dataset:
        if (dataset.shape, dataset.transform) != (grid.geobox.shape, grid.geobox.transform):
            raise RasterError("lies on another grid than the run's", where=path, fix="map the day anew")
        place = {name: number for number, name in enumerate(dataset.descriptions, 1)}
        if lacking := [name for name in bands if name not in place]:
            raise RasterError(f"no band {', '.join(lacking)}", where=path, fix="map the day anew")
        read = [values_of_band(dataset, place[name], window=tile.window).ravel() for name in bands]
    return np.stack(read, axis=1).astype(np.float64)
