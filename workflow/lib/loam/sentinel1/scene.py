"""One pass of the satellite, from its products to a GeoTIFF on the run's grid: the whole chain.

    amplitudes -> border -> thermal noise -> calibration -> speckle filter -> terrain correction -> mosaic of the slices

Piece by piece of the map, some 20 km a side: the window of the image that a piece needs is read, calibrated and
filtered, and averaged into the piece's pixels, so memory grows neither with the scene nor with the grid. Slices of the
pass add up in the pixels they share. Negative backscatter, which is left where the noise was taken off, is averaged
like any other, since to cut it off would raise the mean of what is dark.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox

from loam.config.sections.sentinel1 import Sentinel1
from loam.errors import RasterError
from loam.io.atomic import scratch_beside
from loam.io.in_order import in_order
from loam.io.progress import counted
from loam.raster.grid import Grid, Tile, pixel_metres, tiles_of
from loam.sentinel1.elevation import Elevation, reach_of
from loam.sentinel1.exposure import incidence, layover_and_shadow, surroundings_of
from loam.sentinel1.heights import open_geoid, vertical_datum
from loam.sentinel1.image import Image, open_images
from loam.sentinel1.pass_file import BANDS, BLOCK, open_pass
from loam.sentinel1.positions import solve_positions
from loam.sentinel1.product import Product, open_product
from loam.sentinel1.slices import slices_of
from loam.sentinel1.terrain import Terrain, net_of
from loam.sentinel1.validity import MISSING, Validity

log = logging.getLogger("loam")

POLARISATIONS = BANDS[:2]
LEAST_SHARE = 0.5  # of a pixel's sub-pixels that must have an intensity
PIECE_METRES = 20000.0
MARGIN = 2  # pixels of heights around a piece, for slopes
MOST_BLOCKS = 4  # of them a side of a piece
ANY_HEIGHT = (-500.0, 9000.0)  # m
COARSE_NODES = 5000.0  # m, where it is only asked whether a piece lies in an image
COARSE_MARGIN = 100.0  # lines and samples
CACHE = 2**27  # bytes that GDAL may keep of what it read


def process_pass(
    products: Sequence[str | Path],
    dem: str | Path,
    grid: Grid,
    path: str | Path,
    settings: Sentinel1,
    *,
    orbits: Sequence[str | Path] = (),
    threads: int = 1,
) -> None:
    """Write the GeoTIFF of one pass: float32 bands ``BANDS``; backscatter is sigma0, linear, angles are in degrees.

    ``validity`` holds the sum of the flags of ``loam.sentinel1.validity``; it says that a pixel is missing where both
    polarisations are, and angles are NaN there. Where one has no value (lost, or not in a product), it alone is NaN.
    What is not land is outside. A pass that does not reach the grid gives a file in which everything is missing, and a
    line in the log.

    Args:
        products: the SAFE folders or zips of its slices.
        dem: elevation above a geoid, with the tag vertical_datum; of the grid and of what around it hides parts of it.
        grid: the run's.
        path: of the GeoTIFF.
        settings: the config's section ``sentinel1``.
        orbits: orbit files at hand.
        threads: pieces that are worked on at a time; the file does not hang on it.

    Raises:
        RasterError: a product, orbit file or elevation model cannot be used; nothing is written then.
    """
    opened = slices_of([open_product(item) for item in products])
    geoid = open_geoid(vertical_datum(dem), settings.geoid)
    begun = time.perf_counter()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with (
        rasterio.Env(GDAL_CACHEMAX=CACHE),
        scratch_beside(path) as folder,
    ):
        files = [Path(item) for item in orbits]
        held = [open_images(product, POLARISATIONS, settings, files, Path(folder)) for product in opened]
        images = [image for own in held for image in own]
        if not images:
            raise RasterError(
                "holds neither VV nor VH", where=opened[0].safe.path,
                expected=f"polarisation {' or '.join(POLARISATIONS)}",
            )  # fmt: skip
        work = _Work(images, Elevation(Path(dem), geoid, grid.geobox).looked_through(), grid)
        pieces, others = pieces_of(grid)
        seen, holes, near_end, reach, reached, risen = 0, 0, 0, 0.0, False, False
        with open_pass(path, grid, _tags(opened, held)) as output:
            for piece in others:
                nothing = np.full((piece.height, piece.width), int(Validity.OUTSIDE_SWATH), np.float32)
                output.write(nothing, len(BANDS), window=piece.window)
            worked = zip(pieces, in_order(work.piece, pieces, threads), strict=True)
            for piece, done in counted(worked, "pieces of the grid", total=len(pieces)):
                output.write(done.bands, window=piece.window)
                seen += int(np.isfinite(done.bands[:2]).any(axis=0).sum())
                reached, risen = reached or done.reached, risen or done.risen
                near_end, reach = near_end + done.near_end, max(reach, done.reach)
                holes += int((done.bands[4].astype(np.int64) & int(Validity.NO_ELEVATION)).astype(bool).sum())
            if reached and not risen:
                raise RasterError(
                    "holds no height where the pass meets the grid's land", where=dem,
                    expected=f"elevation around {opened[0].name}", fix="take an elevation model of the region",
                )  # fmt: skip
    if not seen:
        log.warning("%s: the pass does not reach the grid's land; every pixel is missing", opened[0].name)
    if holes:
        log.warning("%s: no elevation at %d pixels of land that the pass reaches", dem, holes)
    if near_end:
        log.warning(
            "%s ends near %d pixels with backscatter: slopes at its end, and layover and shadow of what stands within "
            "%.1f km beyond it, are not told; take one that goes on as far", dem, near_end, reach / 1000,
        )  # fmt: skip
    log.info(
        "%d products, %d images, %d pieces, %d pixels with backscatter, %.1f s", len(opened), len(images), len(pieces),
        seen, time.perf_counter() - begun,
    )  # fmt: skip


def pieces_of(grid: Grid) -> tuple[list[Tile], list[Tile]]:
    """The grid in pieces that are whole blocks of the GeoTIFF, some 20 km a side: those with land, and the others."""
    blocks = int(np.clip(PIECE_METRES / (BLOCK * max(pixel_metres(grid.geobox))), 1, MOST_BLOCKS))
    side = BLOCK * blocks
    land = set()
    for tile in grid.tiles:
        for row in range(tile.row // side, (tile.row + tile.height - 1) // side + 1):
            for column in range(tile.col // side, (tile.col + tile.width - 1) // side + 1):
                land.add((row * side, column * side))
    pieces = tiles_of(grid.geobox, side)
    return [each for each in pieces if (each.row, each.col) in land], [
        each for each in pieces if (each.row, each.col) not in land
    ]


@dataclass(frozen=True)
class _Done:
    """What was found of a piece.

    Args:
        bands: float32 [band, row, column].
        reached: whether images reach its land.
        risen: whether that has heights.
        near_end: pixels with backscatter that are too near to the elevation model's end.
        reach: how far around them that is, m.
    """

    bands: np.ndarray
    reached: bool = False
    risen: bool = False
    near_end: int = 0
    reach: float = 0.0


@dataclass(frozen=True)
class _Work:
    images: list[Image]
    elevation: Elevation
    grid: Grid

    @cached_property
    def incidence(self) -> tuple[float, float]:
        """The smallest and largest angle that anything is seen at, degrees."""
        angles = [image.annotation.points.incidence for image in self.images]
        return float(min(map(np.min, angles))), float(max(map(np.max, angles)))

    def piece(self, piece: Tile) -> _Done:
        """All bands of a piece, part by part where its pixels are large."""
        land = self.grid.land_mask(piece)
        bands = np.full((len(BANDS), piece.height, piece.width), np.nan, np.float32)
        metres = max(pixel_metres(self.grid.geobox[_window(piece)]))
        number = int(np.ceil(max(piece.height, piece.width) * metres / (1.5 * PIECE_METRES)))
        side = int(np.ceil(max(piece.height, piece.width) / number))
        done = []
        for row in range(0, piece.height, side):
            for column in range(0, piece.width, side):
                part = Tile(row, column, min(side, piece.height - row), min(side, piece.width - column))
                own = land[_window(part)]
                if own.any():
                    done.append(self._part(Tile(piece.row + row, piece.col + column, part.height, part.width), own))
                    bands[(slice(None), *_window(part))] = done[-1].bands
        bands[:4, ~land] = np.nan
        bands[4, ~land] = int(Validity.OUTSIDE_SWATH)
        return _Done(
            bands, any(each.reached for each in done), any(each.risen for each in done),
            sum(each.near_end for each in done), max((each.reach for each in done), default=0.0),
        )  # fmt: skip

    def _part(self, part: Tile, land: np.ndarray) -> _Done:
        geobox = self.grid.geobox[_window(part)]
        sides = pixel_metres(geobox)
        metres = max(sides)
        bands = np.full((len(BANDS), *land.shape), np.nan, np.float32)
        bands[4] = int(Validity.OUTSIDE_SWATH)
        held = {image.geometry: image for image in self.images}
        held = {key for key, image in held.items() if _may_hold(image, geobox, metres)}
        images = [image for image in self.images if image.geometry in held]
        if not images:
            return _Done(bands)
        posts = self.elevation.posts
        reach = reach_of(self.elevation.range_around(part), self.incidence)
        surroundings = surroundings_of(geobox, sides, reach, posts)
        heights = self.elevation.heights(surroundings.geobox)
        cut = (surroundings.halo - MARGIN) * posts
        near = (
            np.ascontiguousarray(heights[cut:-cut, cut:-cut])
            if surroundings.places == posts and cut > 0
            else self.elevation.heights(net_of(geobox, MARGIN, posts))
        )
        terrain = Terrain(geobox, near, MARGIN, posts)
        solved = {
            image.geometry: solve_positions(
                image.annotation, image.orbit, geobox, _range(terrain.heights, heights), metres,
                halo=surroundings.halo,
            )
            for image in {image.geometry: image for image in images}.values()
        }  # fmt: skip
        validity = np.zeros(land.shape, np.int64)
        for place, polarisation in enumerate(POLARISATIONS):
            if any(image.channel.polarisation == polarisation for image in self.images):
                own = [image for image in images if image.channel.polarisation == polarisation]
                bands[place], flags = _mosaic(own, solved, terrain, metres, land)
                validity |= flags
        some = np.isfinite(bands[:2]).any(axis=0)
        validity[some] &= ~int(MISSING)  # of one polarisation: its band says so
        risen = bool(np.isfinite(terrain.facets[0][land]).any())
        if some.any():
            positions = next(each for each in solved.values() if each is not None)
            bands[2], bands[3] = incidence(positions, terrain)
            layover, shadow = layover_and_shadow(positions, surroundings, heights, land.shape)
            validity[some & layover] |= int(Validity.LAYOVER)
            validity[some & shadow] |= int(Validity.SHADOW)
            bands[2:4, ~some] = np.nan
        bands[4] = validity
        return _Done(bands, True, risen, int((self.elevation.near_end(part, reach) & some).sum()), reach)


def _window(tile: Tile) -> tuple[slice, slice]:
    return slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width)


def _range(*heights: np.ndarray) -> tuple[float, float]:
    """Lowest and highest height, m; 0, 0 without any."""
    there = [each[np.isfinite(each)] for each in heights]
    there = [each for each in there if len(each)]
    return (min(map(np.min, there)), max(map(np.max, there))) if there else (0.0, 0.0)


def _may_hold(image: Image, geobox: GeoBox, metres: float) -> bool:
    """Whether a piece may lie in an image, whatever its heights."""
    rough = solve_positions(
        image.annotation, image.orbit, geobox, ANY_HEIGHT, metres, node_metres=max(COARSE_NODES, metres)
    )
    return image.touches(rough, COARSE_MARGIN)


def _mosaic(
    images: Sequence[Image], solved: Mapping[Any, Any], terrain: Terrain, metres: float, land: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean backscatter of a polarisation in each pixel, and its flags, both [row, column]."""
    total, count, empty, holes, least, floor = (np.zeros(land.shape) for _ in range(6))
    for image in images:
        positions = solved[image.geometry]
        parts = _parts(image, metres)
        found = image.gather(positions, terrain, parts, land) if positions is not None else None
        if found is None:
            continue
        total, count = total + found.total, count + found.count
        empty, holes = empty + found.empty, np.maximum(holes, found.holes)
        least = np.maximum(least, LEAST_SHARE * parts**2)
        floor = np.maximum(floor, np.where(found.count > 0, image.noise_floor(positions, land.shape), 0.0))
    enough = (count >= least) & (count > 0)
    mean = np.full(land.shape, np.nan)
    mean[enough] = total[enough] / count[enough]
    missing = np.where(empty + count >= np.maximum(least, 1), int(Validity.BORDER), int(Validity.OUTSIDE_SWATH))
    missing = np.where(holes >= np.maximum(least, 1), int(Validity.NO_ELEVATION), missing)
    with np.errstate(invalid="ignore"):
        dark = np.where(mean < floor, int(Validity.NOISE_DOMINATED), 0)
    return mean, np.where(enough, dark, missing)


def _parts(image: Image, metres: float) -> int:
    """Sub-pixels along a pixel's side, no larger than the image's, but for a hundredth."""
    spacing = min(image.annotation.sample_spacing, image.annotation.line_spacing)
    return max(int(np.ceil(metres / spacing - 0.05)), 1)


def _tags(products: Sequence[Product], held: Sequence[Sequence[Image]]) -> dict[str, object]:
    """What the file says of itself; ``orbit`` has a word a product where they differ."""
    first, images = products[0], [own[0] for own in held if own]
    orbits = [image.orbit.kind for image in images]
    return {
        "products": " ".join(product.name for product in products), "platform": first.mission,
        "relative_orbit": first.relative_orbit, "orbit_pass": images[0].annotation.orbit_pass,
        "orbit": orbits[0] if len(set(orbits)) == 1 else " ".join(orbits), "acquired": str(first.start)[:19],
        "processor": ".".join(f"{part:02d}" for part in first.processor),
    }  # fmt: skip
