"""Landscapes under small Sentinel-1 products: elevation models, grids, and products that were seen over them.

    with flown(argument=316.0, longitude=147.0) as take:           # over 44 degrees south, northwards
        template = write_product(folder, take, amplitude=None)
    scene = Landscape.under(template, folder)                       # UTM, centred on the image
    product = scene.seen(sigma0={"vv": surface})                    # the library's simulator
    process_pass([product], scene.dem(), scene.grid(), path, SETTINGS)

``height`` and ``sigma0`` are functions of x, y in metres from the centre.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import rasterio
import sentinel1_files
from affine import Affine
from sentinel1_files import REVOLUTION, Take

from loam.raster.grid import Grid, grid_like
from loam.sentinel1.annotation import Annotation
from loam.config.sections.sentinel1 import Sentinel1, Speckle
from loam.sentinel1.product import open_product
from sentinel1_simulate import simulate_product

Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]
ARGUMENT = 136.0  # degrees from the ascending node, of the first line of ``sentinel1_files``
SETTINGS = Sentinel1(orbit="annotated", speckle=Speckle(filter="none"))


@contextmanager
def flown(argument: float, longitude: float) -> Iterator[Callable[..., Take]]:
    """Inside, products are seen from elsewhere on the orbit: degrees from the ascending node, and a longitude.

    Gives the function that makes such takes, with its arguments.
    """
    known, before = sentinel1_files.state, (argument - ARGUMENT) / 360 * REVOLUTION
    nadir = known(np.array(before))[0]
    turn = np.radians(longitude) - np.arctan2(nadir[1], nadir[0])
    with _flying(before, turn):
        yield Take


@contextmanager
def later(seconds: float) -> Iterator[Callable[..., Take]]:
    """Inside, products are seen some seconds later on the same orbit, as the next slice of a pass."""
    with _flying(seconds, 0.0):
        yield Take


@contextmanager
def _flying(before: float, turn: float) -> Iterator[None]:
    known = sentinel1_files.state
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])

    def state(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(each @ rotation.T for each in known(np.asarray(time, float) + before))

    cached = (sentinel1_files.near_range, sentinel1_files.ground_polynomials, sentinel1_files.points)
    try:
        sentinel1_files.state = state
        for function in cached:
            function.cache_clear()
        yield
    finally:
        sentinel1_files.state = known
        for function in cached:
            function.cache_clear()


def middle_point(annotation: Annotation) -> int:
    """The geolocation point nearest to the middle of an image."""
    points = annotation.points
    return int(np.argmin(np.hypot(points.line - annotation.lines / 2, points.sample - annotation.samples / 2)))


def level(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.full(np.shape(x), 200.0)


def grey(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.full(np.shape(x), 0.1)


@dataclass(frozen=True)
class Landscape:
    """A plane map around the middle of a product's image.

    Args:
        template: the product, without measurements.
        folder: where everything is written.
        crs: of the map; units may be feet.
        x, y: of the centre, in its units.
        unit: m.
        height: above the ellipsoid, m.
    """

    template: Path
    folder: Path
    crs: str
    x: float
    y: float
    unit: float = 1.0
    height: Surface = level

    @classmethod
    def under(cls, template: Path, folder: Path, crs: str | None = None, height: Surface = level) -> Landscape:
        annotation = next(iter(open_product(template).channels.values())).annotation
        points, middle = annotation.points, middle_point(annotation)
        longitude, latitude = points.longitude[middle], points.latitude[middle]
        zone = int((longitude + 180) // 6) % 60 + 1
        crs = crs or f"EPSG:{(32600 if latitude > 0 else 32700) + zone}"
        x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
        unit = pyproj.CRS(crs).axis_info[0].unit_conversion_factor
        if pyproj.CRS(crs).is_geographic:
            unit = 111195.0
        return cls(template, folder, crs, x, y, unit, height)

    def metres(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Metres from the centre, as far as the map's unit tells."""
        return (x - self.x) * self.unit, (y - self.y) * self.unit

    def on_map(self, surface: Surface) -> Surface:
        """A surface of metres from the centre as one of the map's coordinates."""
        return lambda x, y: surface(*self.metres(np.asarray(x), np.asarray(y)))

    def transform(self, step: float, size: int, shift: tuple[float, float] = (0.0, 0.0)) -> Affine:
        """Of ``size`` x ``size`` pixels of ``step`` metres around the centre or a place ``shift`` metres off."""
        pixel, half = step / self.unit, size * step / self.unit / 2
        return Affine(
            pixel, 0, self.x - half + shift[0] / self.unit, 0, -pixel, self.y + half + shift[1] / self.unit
        )  # fmt: skip

    def centres(self, transform: Affine, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Map coordinates of the pixels' centres, each [row, column]."""
        column, row = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
        return transform @ (column, row)

    def grid(
        self, step: float = 80.0, size: int = 24, tile: int = 256, land: np.ndarray | None = None,
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> Grid:  # fmt: skip
        path = self.folder / f"land_{step:g}_{size}.tif"
        values = np.ones((size, size), np.uint8) if land is None else land.astype(np.uint8)
        _write(path, values, self.crs, self.transform(step, size, shift), 0)
        return grid_like(path, tile)

    def dem(
        self, step: float = 30.0, size: int = 400, shift: tuple[float, float] = (0.0, 0.0),
        holes: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> Path:  # fmt: skip
        path = self.folder / f"dem_{step:g}_{size}_{shift[0]:g}.tif"
        transform = self.transform(step, size, shift)
        x, y = self.centres(transform, size)
        values = self.on_map(self.height)(x, y).astype(np.float32)
        if holes is not None:
            values[self.on_map(holes)(x, y)] = -9999
        _write(path, values, self.crs, transform, -9999, vertical_datum="WGS84 ellipsoid")
        return path

    def seen(
        self, sigma0: Mapping[str, Surface] | None = None, *, heights: tuple[float, float] = (0.0, 1000.0),
        looks: float = np.inf, thermal_noise: bool = False, seed: int = 1, name: str = "seen",
        window: tuple[int, int, int, int] | None = None,
    ) -> Path:  # fmt: skip
        """The product that sees the landscape."""
        (self.folder / name).mkdir(exist_ok=True)
        return simulate_product(
            self.template, self.folder / name, crs=self.crs, height=self.on_map(self.height),
            sigma0={key: self.on_map(surface) for key, surface in (sigma0 or {"vv": grey}).items()}, heights=heights,
            looks=looks, seed=seed, thermal_noise=thermal_noise, window=window,
        )  # fmt: skip

    def mean(self, surface: Surface, grid: Grid, parts: int = 8) -> np.ndarray:
        """Mean of a surface over the pixels of a grid, [row, column]."""
        transform, (rows, columns) = grid.geobox.transform, grid.geobox.shape
        column, row = np.meshgrid((np.arange(columns * parts) + 0.5) / parts, (np.arange(rows * parts) + 0.5) / parts)
        values = self.on_map(surface)(*(transform @ (column, row)))
        return values.reshape(rows, parts, columns, parts).mean(axis=(1, 3))


def shift_of(found: np.ndarray, expected: np.ndarray) -> tuple[float, float, float]:
    """How far (columns, rows) and by what factor ``found`` is off: least squares on the gradient of ``expected``."""
    down, across = np.gradient(expected)
    there = np.isfinite(found)
    terms = np.stack([across[there], down[there], expected[there]], axis=1)
    right, below, factor = np.linalg.lstsq(terms, (found - expected)[there], rcond=None)[0]
    return -right, -below, 1 + factor


def _write(path: Path, values: np.ndarray, crs: str, transform: Affine, nodata: float, **tags: str) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype, crs=crs,
        transform=transform, nodata=nodata,
    ) as output:  # fmt: skip
        output.write(values, 1)
        output.update_tags(**tags)
