"""Stations in the run's grid: the pixel that holds each, and the land pixels around it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj

from loam.covariates.read.cube import Cube, GridSource
from loam.raster.grid import Grid, Tile, cells_at, crs_of, project


def pixels_of(grid: Grid, stations: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the pixel that holds each station (columns latitude, longitude); -1 outside the grid."""
    longitude, latitude = (stations[name].to_numpy(float) for name in ("longitude", "latitude"))
    x, y = project(longitude, latitude, pyproj.CRS("EPSG:4326"), crs_of(grid.geobox))
    return cells_at(grid.geobox, x, y)


def pixels_around(cube: Cube, about: pd.DataFrame, size: int) -> tuple[GridSource, np.ndarray]:
    """The land pixels of the grid around stations, and which they are of all [station, row, column]."""
    grid, reach = cube.grid, size // 2
    there = np.zeros((len(about), size, size), bool)
    rows, cols = pixels_of(grid, about)
    for place, (row, col) in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)):
        wide = grid.around(Tile(row, col, 1, 1), reach)
        top, left = wide.row - row + reach, wide.col - col + reach
        there[place, top : top + wide.height, left : left + wide.width] = grid.land_mask(wide)
    station, down, across = np.nonzero(there)
    return cube.at(rows[station] + down - reach, cols[station] + across - reach), there
