"""Which cells of a provider's grid cover a region: rows, columns and the coordinates of their centres.

The 9 km EASE-Grid 2.0 (Brodzik et al., 2012, ISPRS International Journal of Geo-Information 1, EPSG:6933) is known by
its constants; other grids are known by the longitudes and latitudes that their files hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loam.acquire.source import Bounds
from loam.errors import AcquireError
from loam.raster.grid import project

EASE_CRS = "EPSG:6933"
EASE_SHAPE = (1624, 3856)  # rows, columns
EASE_CELL = 9008.055210146  # m
EASE_CORNER = (-17367530.4451615, 7314540.8306386)  # x, y of the north-western corner, m
GEOGRAPHIC = "EPSG:4326"
NEAR = 1e-3  # degrees by which a file's coordinates may differ from the declared grid's
IRREGULAR = 0.05  # steps between coordinates may differ by this share of a step (single-precision coordinates do)


@dataclass(frozen=True)
class Window:
    """A block of cells.

    Args:
        rows: of the grid's array.
        columns: of the grid's array.
        y: centres of the rows: latitude, deg, or northing, m.
        x: centres of the columns: longitude (evenly spaced, also where they go on beyond 180), deg, or easting, m.
        crs: of y and x.
    """

    rows: slice
    columns: slice
    y: np.ndarray
    x: np.ndarray
    crs: str

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y), len(self.x)

    @property
    def dims(self) -> tuple[str, str]:
        """Names of the dimensions in a canonical file."""
        return ("latitude", "longitude") if self.crs == GEOGRAPHIC else ("y", "x")


def ease_window(bounds: Bounds, where: str) -> Window:
    """The cells of the global 9 km EASE-Grid 2.0 that cover ``bounds``, with one to spare on each side."""
    west, south, east, north = bounds
    x, y = project(np.array([west, east]), np.array([south, north]), GEOGRAPHIC, EASE_CRS)
    left, top = EASE_CORNER
    centres_x = left + EASE_CELL * (np.arange(EASE_SHAPE[1]) + 0.5)
    centres_y = top - EASE_CELL * (np.arange(EASE_SHAPE[0]) + 0.5)
    return Window(
        rows := _covering(centres_y, float(y[0]), float(y[1]), "northing", where),
        columns := _covering(centres_x, float(x[0]), float(x[1]), "easting", where),
        centres_y[rows], centres_x[columns], EASE_CRS,
    )  # fmt: skip


def degree_window(latitude: np.ndarray, longitude: np.ndarray, bounds: Bounds, where: str) -> Window:
    """The cells of a grid of longitudes and latitudes that cover ``bounds``, with one to spare on each side.

    Args:
        latitude: of the rows, growing or falling.
        longitude: of the columns, growing, from -180 or from 0.
        bounds: west, south, east, north, deg.
        where: what is read, for errors.

    Raises:
        AcquireError: the grid does not reach the region, or is not regular.
    """
    latitude, longitude = np.asarray(latitude, float).ravel(), np.asarray(longitude, float).ravel()
    west, south, east, north = bounds
    if longitude.max() > 180.5:  # 0 .. 360
        turns = 360.0 if west < 0 and east <= 0 else 0.0
        if west < 0 < east:
            raise AcquireError(
                f"its longitudes run from 0 to 360, and the region from {west:g} to {east:g} lies across 0",
                where=where,
                fix="choose a dataset whose longitudes run from -180 to 180",
            )  # fmt: skip
        west, east = west + turns, east + turns
    rows = _covering(latitude, south, north, "latitude", where)
    columns = _covering(longitude, west, east, "longitude", where)
    x = longitude[columns]
    x = x - 360.0 if x.mean() > 180.0 else x  # all of them or none, so that they go on across 180
    return Window(rows, columns, latitude[rows], x, GEOGRAPHIC)


def declared_window(grid: Mapping[str, Sequence[float]], bounds: Bounds, where: str) -> Window:
    """As ``degree_window``, of a grid that the catalogue declares: latitude and longitude: [first, last, count]."""
    return degree_window(*_axes(grid), bounds, where)


def found_window(
    latitude: np.ndarray, longitude: np.ndarray, grid: Mapping[str, Sequence[float]], bounds: Bounds, where: str
) -> Window:
    """As ``degree_window``, of a file whose grid must be the one that the catalogue declares, either way up.

    Raises:
        AcquireError: it is another grid, or does not reach the region.
    """
    for came, asked, name in zip((latitude, longitude), _axes(grid), ("latitude", "longitude"), strict=True):
        came = np.asarray(came, float).ravel()
        if came.shape != asked.shape or np.abs(np.sort(came) - np.sort(asked)).max() > NEAR:
            raise AcquireError(
                f"has {len(came)} cells in {name}, {came.min():g} to {came.max():g}", where=where,
                expected=f"{len(asked)}, {asked.min():g} to {asked.max():g}",
            )  # fmt: skip
    return degree_window(latitude, longitude, bounds, where)


def _axes(grid: Mapping[str, Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    latitude, longitude = (
        np.linspace(*(float(end) for end in grid[name][:2]), int(grid[name][2])) for name in ("latitude", "longitude")
    )
    return latitude, longitude


def _covering(centres: np.ndarray, low: float, high: float, name: str, where: str) -> slice:
    """The cells that hold ``low`` .. ``high`` and one more on each side, as far as there are such."""
    count = len(centres)
    if count < 2 or not np.isfinite(centres).all():
        raise AcquireError(f"{name} is not a grid's", where=where, expected="2 or more coordinates")
    step = (centres[-1] - centres[0]) / (count - 1)
    if not step or np.abs(np.diff(centres) - step).max() > IRREGULAR * abs(step):
        raise AcquireError(f"{name} is not evenly spaced", where=where, expected="a regular grid")
    cells = sorted((limit - centres[0]) / step + 0.5 for limit in (low, high))
    first, last = max(0, int(np.floor(cells[0])) - 1), min(count, int(np.ceil(cells[1])) + 1)
    if last - first < 2 or cells[1] <= 0 or cells[0] >= count:
        ends = sorted((centres[0], centres[-1]))
        raise AcquireError(
            f"does not reach the region: {name} {low:g} to {high:g}", where=where,
            expected=f"{ends[0]:g} to {ends[1]:g}", fix="choose a dataset that covers the region",
        )  # fmt: skip
    return slice(first, last)
