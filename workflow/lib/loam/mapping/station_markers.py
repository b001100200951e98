"""Stations on a picture of a map: what each has measured on the day, in the map's colours; a cross where nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import Colormap

from loam.errors import TableError

MOST_NAMED = 60  # stations; more are drawn without names
SIZE = 5.5  # points, diameter of a marker
FONT = 7  # points
HALO = [patheffects.withStroke(linewidth=1.8, foreground="white")]


def readings_of_day(samples: pd.DataFrame, day: str, layers: Sequence[str], where: object = "samples") -> pd.DataFrame:
    """Where the stations stand and what they have measured on a day, a row a station, by name.

    Args:
        samples: station, date, latitude and longitude (degrees), and the moisture of each layer, m3 m-3.
        day: YYYY-MM-DD.
        layers: names.
        where: of the error.

    Raises:
        TableError: a column lacks.

    Returns:
        Columns latitude, longitude and the layers; NaN where a station has no reading of the layer that day.
    """
    wanted = ["station", "date", "latitude", "longitude", *layers]
    if missing := [name for name in wanted if name not in samples]:
        raise TableError(f"no column '{missing[0]}'", where=where, expected=f"columns {', '.join(wanted)}")
    sites = samples.groupby("station", sort=True)[["latitude", "longitude"]].first()
    that_day = samples[samples["date"] == np.datetime64(day)]
    return sites.join(that_day.groupby("station")[list(layers)].first()).astype(float)


def draw_stations(
    panel: Axes, cols: np.ndarray, rows: np.ndarray, values: np.ndarray, colours: Colormap,
    limits: tuple[float, float], names: Sequence[str] = (),
) -> None:  # fmt: skip
    """Draw the stations of one layer that lie within a panel, whose limits are set.

    Args:
        panel: of the map.
        cols, rows: where they stand, in its coordinates [station].
        values: moisture of the day [station], m3 m-3, NaN for none.
        colours, limits: those of the map.
        names: of the stations; each is written where it covers no other name, no marker and no edge.
    """
    inside = within(panel, cols, rows)
    known = np.isfinite(values) & inside
    silent = ~np.isfinite(values) & inside
    for colour, width in (("white", 2.6), ("black", 1.0)):
        panel.scatter(cols[silent], rows[silent], s=SIZE**2, marker="x", c=colour, linewidths=width, zorder=4)
    panel.scatter(cols[known], rows[known], s=(SIZE + 2.4) ** 2, c="white", linewidths=0, zorder=5)
    panel.scatter(cols[known], rows[known], s=SIZE**2, c=values[known], cmap=colours, vmin=limits[0], vmax=limits[1],
                  edgecolors="black", linewidths=0.9, zorder=6)  # fmt: skip
    if 0 < inside.sum() <= MOST_NAMED and len(names):
        _write_names(panel, cols[inside], rows[inside], [names[place] for place in np.flatnonzero(inside)])


def within(panel: Axes, cols: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which places lie within the panel's limits [station]; one without a place on the map does not."""
    (left, right), (bottom, top) = panel.get_xlim(), sorted(panel.get_ylim())
    return (cols >= left) & (cols <= right) & (rows >= bottom) & (rows <= top)


def _write_names(panel: Axes, cols: np.ndarray, rows: np.ndarray, names: Sequence[str]) -> None:
    """Names beside their markers, to the right, left, above or below, or not at all where there is no room."""
    points = panel.transData.transform(np.column_stack([cols, rows])) * 72 / panel.figure.dpi
    edges = panel.bbox.extents * 72 / panel.figure.dpi
    half = SIZE / 2 + 1.5
    taken = [(x - half, y - half, x + half, y + half) for x, y in points.tolist()]
    for (x, y), col, row, name in zip(points.tolist(), cols, rows, names, strict=True):
        wide, tall = 0.64 * FONT * len(name), 1.3 * FONT
        for right, up, across, along in ((1, 0, "left", "center"), (-1, 0, "right", "center"),
                                         (0, 1, "center", "bottom"), (0, -1, "center", "top")):  # fmt: skip
            left = x + right * half + (right - 1) / 2 * wide
            low = y + up * half + (up - 1) / 2 * tall
            box = (left, low, left + wide, low + tall)
            if _inside(box, edges) and not any(_overlap(box, other) for other in taken):
                panel.annotate(name, (col, row), (right * half, up * half), textcoords="offset points", ha=across,
                               va=along, fontsize=FONT, zorder=7, path_effects=HALO)  # fmt: skip
                taken.append(box)
                break


def _inside(box: Sequence[float], edges: Sequence[float]) -> bool:
    return box[0] >= edges[0] and box[1] >= edges[1] and box[2] <= edges[2] and box[3] <= edges[3]


def _overlap(first: Sequence[float], second: Sequence[float]) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]
