"""One pass from backscatter that was terrain-corrected elsewhere, as Earth Engine keeps it, in the bands of our own.

Scenes carry sigma0 (linear) and the incidence angle on the ellipsoid, on the run's pixels. The local incidence angle
is made from that and the elevation model's mean slope over the pixel: cos(local) = cos(slope) cos(angle) + sin(slope)
sin(angle) cos(difference between the way to the satellite and the way the slope faces), the way to the satellite being
where the incidence angle falls (Vollrath, Mullissa, Reiche 2020, Remote Sensing 12(11)). Layover and shadow are not
told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from loam.errors import RasterError
from loam.raster.grid import Grid, Tile, geobox_of, open_raster, pixel_metres, present
from loam.sentinel1.elevation import Elevation
from loam.sentinel1.heights import ELLIPSOID, Geoid
from loam.sentinel1.pass_file import open_pass
from loam.sentinel1.terrain import Terrain, net_of
from loam.sentinel1.validity import Validity

log = logging.getLogger("loam")

GIVEN = ("vv", "vh", "ellipsoidal_incidence")
MARGIN = 2  # pixels around a tile, for slopes


def mosaic_pass(scenes: Sequence[str | Path], dem: str | Path, grid: Grid, path: str | Path) -> None:
    """Write the GeoTIFF of one pass from its scenes: means where they overlap, bands of ``pass_file``.

    Args:
        scenes: GeoTIFFs on pixels of the run's grid, bands vv, vh, ellipsoidal_incidence.
        dem: elevation, on any grid; one height beyond the run's is used.
        grid: the run's.
        path: of the GeoTIFF.

    Raises:
        RasterError: a scene lacks a band, or lies on other pixels.
    """
    metres = pixel_metres(grid.geobox)
    with ExitStack() as stack:
        opened = [_Scene(stack.enter_context(open_raster(scene)), grid) for scene in scenes]
        elevation = Elevation(Path(dem), Geoid(ELLIPSOID), grid.geobox)  # slopes alone count, whatever they stand on
        tags = {"products": " ".join(Path(scene).stem for scene in scenes)}
        output = stack.enter_context(open_pass(path, grid, tags))
        near_end = 0
        for tile in grid.tiles:
            bands = _tile(opened, elevation, grid, tile, metres)
            output.write(bands, window=tile.window)
            near_end += int((elevation.near_end(tile, 0.0) & np.isfinite(bands[2])).sum())
    if near_end:
        log.warning("%s ends beside %d pixels with backscatter: their slopes are those of one side", dem, near_end)
    log.info("%d scenes of one pass", len(scenes))


class _Scene:
    """An open scene and where it lies on the grid."""

    def __init__(self, dataset: rasterio.DatasetReader, grid: Grid) -> None:
        self.dataset = dataset
        names = {name: place for place, name in enumerate(dataset.descriptions, start=1) if name}
        if lacking := [name for name in GIVEN if name not in names]:
            raise RasterError(f"has no band {', '.join(lacking)}", where=dataset.name, expected=", ".join(GIVEN))
        self.bands = [names[name] for name in GIVEN]
        own = geobox_of(dataset)
        steps = ~grid.geobox.transform @ own.transform
        self.row, self.col = round(steps.f), round(steps.c)
        off = max(abs(steps.a - 1), abs(steps.e - 1), abs(steps.c - self.col), abs(steps.f - self.row))
        if own.crs != grid.geobox.crs or off > 1e-3:
            raise RasterError("is not on the pixels of the run's grid", where=dataset.name, fix="fetch it again")

    def read(self, tile: Tile, margin: int) -> np.ndarray:
        """The given bands of a tile and its margin, float64 [band, row, column]; NaN where missing."""
        window = Window(
            tile.col - margin - self.col, tile.row - margin - self.row, tile.width + 2 * margin,
            tile.height + 2 * margin,
        )  # fmt: skip
        return _read(self.dataset, self.bands, window)


def _read(dataset: rasterio.DatasetReader, bands: Sequence[int], window: Window) -> np.ndarray:
    """A window that may reach beyond the raster: NaN there and where missing."""
    values = np.full((len(bands), int(window.height), int(window.width)), np.nan)
    top, left = max(int(window.row_off), 0), max(int(window.col_off), 0)
    bottom = min(int(window.row_off + window.height), dataset.height)
    right = min(int(window.col_off + window.width), dataset.width)
    if top < bottom and left < right:
        block = dataset.read(list(bands), window=Window(left, top, right - left, bottom - top)).astype(float)
        for place, band in enumerate(bands):
            block[place][~present(block[place], dataset.nodatavals[band - 1])] = np.nan
        row, col = top - int(window.row_off), left - int(window.col_off)
        values[:, row : row + bottom - top, col : col + right - left] = block
    return values


def _tile(
    scenes: Sequence[_Scene], elevation: Elevation, grid: Grid, tile: Tile, metres: tuple[float, float]
) -> np.ndarray:
    stack = np.stack([scene.read(tile, MARGIN) for scene in scenes])
    count = np.isfinite(stack).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        vv, vh, angle = np.nansum(stack, axis=0) / np.where(count, count, np.nan)
    own = grid.geobox[tile.row : tile.row + tile.height, tile.col : tile.col + tile.width]
    around, posts = own.pad(MARGIN), elevation.posts
    terrain = Terrain(around, elevation.heights(net_of(around, 1, posts)), 1, posts)
    local = local_incidence(angle, terrain, metres)
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    land = grid.land_mask(tile)
    bands = np.stack([part[inner] for part in (vv, vh, local, angle)]).astype(np.float32)
    missing = np.isnan(bands[0]) & np.isnan(bands[1])
    validity = np.where(missing, int(Validity.OUTSIDE_SWATH), 0)
    validity = np.where(~missing & np.isnan(bands[2]), int(Validity.NO_ELEVATION), validity)
    bands[:, ~land] = np.nan
    validity = np.where(land, validity, int(Validity.OUTSIDE_SWATH))
    return np.concatenate([bands, validity[None].astype(np.float32)])


def local_incidence(angle: np.ndarray, terrain: Terrain, metres: tuple[float, float]) -> np.ndarray:
    """Local incidence angle, degrees [row, column], from the angle on the ellipsoid (deg) and the terrain's slopes.

    Args:
        angle: of the terrain's pixels [row, column]; falls towards the satellite.
        terrain: of the piece.
        metres: width and height of a pixel.
    """
    _, right, below = terrain.facets
    across, down = right / metres[0], below / metres[1]  # down: towards the south
    slope = np.arctan(np.hypot(down, across))
    facing = np.arctan2(down, -across)  # the way down: north is positive, east is positive
    to_south, to_east = np.gradient(angle)
    satellite = np.arctan2(np.nanmean(to_south), -np.nanmean(to_east)) if np.isfinite(to_south).any() else np.nan
    tilt = np.radians(angle)
    cosine = np.cos(slope) * np.cos(tilt) + np.sin(slope) * np.sin(tilt) * np.cos(satellite - facing)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
