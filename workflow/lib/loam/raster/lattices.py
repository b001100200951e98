"""Rasters on one pixel lattice, which are warped as one, so that a pixel across a seam is the mean of all it covers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyproj
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS

from loam.errors import RasterError
from loam.raster.whereabouts import MARGIN, Span, lookup_points, refuse_cut, span_of_points

SHIFT = 1e-3  # pixels by which rasters on one lattice may be shifted


@dataclass
class Lattice:
    """Rasters on one lattice; each has its first row and column among the pixels of the first."""

    crs: CRS
    projection: pyproj.CRS
    transform: Affine
    tiles: list[tuple[rasterio.DatasetReader, int, int]]

    def place_of(self, crs: CRS, transform: Affine) -> tuple[int, int] | None:
        """Row and column of a raster's first pixel; None if it lies on another lattice."""
        own, other = np.array(self.transform[:6]), np.array(transform[:6])
        if crs != self.crs or not np.allclose(own[[0, 1, 3, 4]], other[[0, 1, 3, 4]], rtol=1e-7, atol=0.0):
            return None
        steps = ~self.transform @ transform
        column, row = steps.c, steps.f
        place = round(row), round(column)
        return place if max(abs(row - place[0]), abs(column - place[1])) < SHIFT else None

    def covered(self, geobox: GeoBox, margin: int = MARGIN) -> Span | None:
        """The rows and columns that ``geobox`` covers, with some around; None where it has none."""
        span = span_of_points(self.transform, *lookup_points(geobox, self.projection), margin)
        span = span.within(self._extent()) if span else None
        return span if span and span.pixels else None

    def _extent(self) -> Span:
        first, *others = (span_of(*tile) for tile in self.tiles)
        for span in others:
            first = first.joined(span)
        return first


def span_of(dataset: rasterio.DatasetReader, row: int, column: int) -> Span:
    """The rows and columns of a lattice that a raster takes whose first pixel is ``row``, ``column``."""
    return Span(row, row + dataset.height, column, column + dataset.width)


def lattices_of(datasets: Iterable[rasterio.DatasetReader], geobox: GeoBox, crs: str | None = None) -> list[Lattice]:
    """The lattices of rasters, in the order of their first ones; degrees are taken where the grid's are.

    Args:
        datasets: open.
        geobox: the grid that they are brought to.
        crs: that of a raster which has none.

    Raises:
        RasterError: a raster without CRS, or a projected one that is cut where the grid is not.
    """
    lattices: list[Lattice] = []
    for dataset in datasets:
        own = _crs(dataset, crs)
        projection = pyproj.CRS.from_user_input(own)
        for transform in _turns(dataset, projection, geobox):
            for lattice in lattices:
                if (place := lattice.place_of(own, transform)) is not None:
                    lattice.tiles.append((dataset, *place))
                    break
            else:
                lattices.append(Lattice(own, projection, transform, [(dataset, 0, 0)]))
    return lattices


def _turns(dataset: rasterio.DatasetReader, projection: pyproj.CRS, geobox: GeoBox) -> list[Affine]:
    """The transform of a raster, moved by whole turns to where it meets the grid; twice where it does so twice."""
    x, _ = lookup_points(geobox, projection)
    if not x.size:
        return [dataset.transform]
    if not projection.is_geographic:
        refuse_cut(geobox, projection, dataset.name)
        return [dataset.transform]
    ends = sorted((dataset.transform.c, dataset.transform.c + dataset.transform.a * dataset.width))
    turns = [turn for turn in (0.0, -360.0, 360.0) if ends[0] + turn < x.max() and ends[1] + turn > x.min()]
    return [Affine.translation(turn, 0.0) @ dataset.transform for turn in turns] or [dataset.transform]


def _crs(dataset: rasterio.DatasetReader, given: str | None) -> CRS:
    if dataset.crs is not None:
        return dataset.crs
    if given is None:
        raise RasterError("has no coordinate reference system", where=dataset.name, fix="set it, with gdal_edit -a_srs")
    return CRS.from_user_input(given)
