"""A map as a picture for the eye: mean and standard deviation of each layer, and how far each pixel may be trusted.

Patterns over the pixels tell the class of ``trust.tif`` (``loam.mapping.trust_pattern``); a pixel without a value has a
colour of its own, by the reason. Stations stand where they are, filled with what they measured that day in the colours
of the map. A part of the map (``mapping.zoom``) is drawn larger below, its box on the whole. Every map has a scale bar
and an arrow to true north; a smaller panel with the legend has the classes and their shares of the land. Above all
stands how far off the map is. Colours of moisture and spread are those of the run (``loam.mapping.scale``), the same
on all days. They are Crameri's (2018, doi 10.5281/zenodo.1243862): even steps, readable without colour vision and in
print.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from loam.config.map_bands import OF_MEMBERS, band_names
from loam.io.atomic import atomic_path
from loam.mapping.map_furniture import draw_foot
from loam.mapping.map_view import View, positions, read_view
from loam.mapping.picture_legend import LINE as LEGEND_LINE
from loam.mapping.picture_legend import WIDTH as LEGEND_WIDTH
from loam.mapping.picture_legend import background, draw_classes, draw_legend, legend_lines
from loam.mapping.station_markers import MOST_NAMED, draw_stations
from loam.mapping.trust import TRUST_CLASSES, count_classes
from loam.mapping.trust_pattern import trust_pattern
from loam.raster.grid import geobox_of, open_raster
from loam.training.ranges import OUTSIDE
from loam.trust.pixel_reasons import USE

UNITS = "m$^3$ m$^{-3}$"
MOISTURE, SPREAD = cm.roma, cm.lajolla_r  # brown is dry and blue wet; light is certain and dark uncertain
STATISTICS = (("mean", MOISTURE, "moisture"), ("std", SPREAD, "spread of the members"))
PANEL, TALLEST, BAR = 4.6, 6.2, 1.0  # inches: greatest width and height of a map, width of its colour bar
HEAD, FOOT = 0.36, 0.42  # inches: title of a map, and its scale
SMALL = 0.6  # size of the panel of the classes, in maps
TEXT, CHARACTERS = 0.17, 165  # height in inches and length of a line of text above the maps
DPI, FINE = 130, 2  # pixels an inch, and how many of a pattern make one


def draw_map(
    map_path: str | Path, trust: str | Path, picture: str | Path, layers: Sequence[Mapping[str, Any]], title: str,
    limits: Mapping[str, tuple[float, float]], readings: pd.DataFrame, told: Sequence[str] = (),
    zoom: Sequence[float] | None = None,
) -> None:  # fmt: skip
    """Draw the bands ``<layer>_mean`` and ``<layer>_std`` of a map.

    Args:
        map_path: the map.
        trust: ``trust.tif`` beside it.
        picture: PNG to write.
        layers: the config's ``layers``: name, top_cm, bottom_cm.
        title: of the picture.
        limits: of the colours of each band, by its name, m3 m-3.
        readings: of the stations on the day, as ``readings_of_day`` gives them.
        told: what to say above the maps: how far off the map is.
        zoom: part that is drawn larger too: west, south, east, north, degrees.

    Raises:
        ConfigError: the part lies off the map.
        RasterError: a file lacks, is damaged, or is none of this release.
    """
    wanted = band_names([layer["name"] for layer in layers], OF_MEMBERS)
    views = [read_view(map_path, trust, wanted, box) for box in ([None, zoom] if zoom else [None])]
    with open_raster(map_path) as dataset:
        stations = positions(geobox_of(dataset), readings["longitude"].to_numpy(), readings["latitude"].to_numpy())
    inside = _inside(views[0], *stations)
    names = [str(name) for name in readings.index] if inside.sum() <= MOST_NAMED else []
    lines = legend_lines(
        count_classes(trust, "class", TRUST_CLASSES), count_classes(trust), _masked(views[0], wanted),
        station_lines(readings[inside], [layer["name"] for layer in layers]), bool(zoom),
    )  # fmt: skip
    page = _Page(views, len(layers), len(lines))
    for layer in layers:
        name = f"{layer['name']} ({layer['top_cm']:g}–{layer['bottom_cm']:g} cm)"
        for number, view in enumerate(views):
            part = ", the part in the box" if number else ""
            for column, (statistic, colours, what) in enumerate(STATISTICS):
                band = f"{layer['name']}_{statistic}"
                panel = page.map_panel(view, column)
                _draw(panel, view, view.bands[band], colours, limits[band], page.pixels_of(view))
                panel.set_title(f"{name}: {what}{part}", loc="left", fontsize=10)
                if statistic == "mean":
                    values = readings[layer["name"]].to_numpy()
                    named = _not_in(names, views[1], *stations) if zoom and not number else names
                    draw_stations(panel, *stations, values, colours, limits[band], named)
                if zoom:
                    _frame(panel, None if number else views[1])
            page.end_row(view)
    small, legend = page.legend_axes(views[0], len(lines))
    draw_classes(small, views[0].classes, views[0].sides, views[0].extent)
    draw_legend(legend, lines, MOISTURE, DPI * FINE)
    page.write_head(title, told)
    with atomic_path(picture) as temporary:
        page.figure.savefig(temporary, bbox_inches="tight", pad_inches=0.12)


def station_lines(readings: pd.DataFrame, layers: Sequence[str]) -> list[tuple[str, str]]:
    """What the markers of the stations on the map mean, and how many there are of each [(marker, text)]."""
    known = {layer: int(readings[layer].notna().sum()) for layer in layers}
    counts = {layer: f"{count} of {len(readings)}" for layer, count in known.items()}
    told = [*counts.values()][0] if len({*known.values()}) == 1 else ", ".join(
        f"{count} ({layer})" for layer, count in counts.items()
    )  # fmt: skip
    if not len(readings):
        return [("", "no station lies on the map")]
    lines = [("reading", f"stations with a reading that day: {told}, in the colours of the map")]
    return lines + ([("none", "stations without one")] if min(known.values()) < len(readings) else [])


class _Page:
    """A figure that is filled from the top; everything in inches."""

    def __init__(self, views: Sequence[View], layers: int, lines: int) -> None:
        self._width = max(self.size_of(view)[0] for view in views)
        small = SMALL * self.size_of(views[0])[1]
        maps = layers * sum(HEAD + self.size_of(view)[1] + FOOT for view in views)
        self._high = maps + HEAD + max(small, lines * LEGEND_LINE)
        self._wide = 2 * (self._width + BAR)
        self._top = 0.0
        self.figure = Figure(figsize=(self._wide, self._high), dpi=DPI)
        FigureCanvasAgg(self.figure)

    @staticmethod
    def size_of(view: View) -> tuple[float, float]:
        """Width and height of the panel of a view."""
        wide, high = view.size
        inches = min(PANEL / wide, TALLEST / high)
        return wide * inches, high * inches

    def pixels_of(self, view: View) -> tuple[int, int]:
        """Rows and columns of its pattern."""
        wide, high = self.size_of(view)
        return max(1, round(high * DPI * FINE)), max(1, round(wide * DPI * FINE))

    def map_panel(self, view: View, column: int) -> Axes:
        """The panel of a view in the row that is being filled."""
        return self._axes(column * (self._width + BAR), self._top + HEAD, *self.size_of(view))

    def end_row(self, view: View) -> None:
        """Draw scale and north below the row's first panel, and begin the next one."""
        wide, high = self.size_of(view)
        foot = self._axes(0, self._top + HEAD + high, wide, FOOT)
        foot.set(xlim=(0, wide), ylim=(0, FOOT))
        foot.axis("off")
        draw_foot(foot, wide, view.size[0], view.north)
        self._top += HEAD + high + FOOT

    def legend_axes(self, view: View, lines: int) -> tuple[Axes, Axes]:
        """The panel of the classes, and beside it the legend."""
        wide, high = (SMALL * side for side in self.size_of(view))
        small = self._axes(0, self._top + HEAD, wide, high)
        legend = self._axes(wide + 0.25, self._top + HEAD, LEGEND_WIDTH, lines * LEGEND_LINE)
        legend.set(xlim=(0, LEGEND_WIDTH), ylim=(lines * LEGEND_LINE, 0))
        legend.axis("off")
        return small, legend

    def write_head(self, title: str, told: Sequence[str]) -> None:
        """The title above all, and below it the lines of ``told``."""
        lines = [line for text in told for line in textwrap.wrap(text, CHARACTERS)]
        for number, line in enumerate(reversed(lines)):
            self.figure.text(0, 1 + (0.04 + number * TEXT) / self._high, line, fontsize=8.5, va="bottom")
        above = 0.04 + len(lines) * TEXT + (0.08 if lines else 0)
        self.figure.text(0, 1 + above / self._high, title, fontsize=12, fontweight="bold", va="bottom")

    def _axes(self, left: float, top: float, wide: float, high: float) -> Axes:
        return self.figure.add_axes(
            (left / self._wide, 1 - (top + high) / self._high, wide / self._wide, high / self._high)
        )


def _draw(
    panel: Axes, view: View, field: np.ndarray, colours: mpl.colors.Colormap, limits: tuple[float, float],
    pixels: tuple[int, int],
) -> None:  # fmt: skip
    """A band with its colour bar, and the pattern of trust over the pixels that have a value."""
    how: dict[str, Any] = {"extent": view.extent, "aspect": "auto", "interpolation": "nearest"}
    known = np.isfinite(field)
    panel.imshow(background(view.sides), **how)
    image = panel.imshow(np.ma.masked_invalid(field), cmap=colours, vmin=limits[0], vmax=limits[1], **how)
    pattern = trust_pattern(np.where(known, view.classes, USE).astype(np.uint8), pixels, DPI * FINE)
    panel.imshow(pattern, extent=view.extent, aspect="auto", interpolation="antialiased")
    panel.set(xticks=[], yticks=[])
    beyond = (bool((field[known] < limits[0]).any()), bool((field[known] > limits[1]).any()))
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    bar = panel.figure.colorbar(image, cax=panel.inset_axes((1.025, 0, 0.04, 1)), extend=extend[beyond])
    bar.set_label(UNITS, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    if not known.any():
        panel.text(0.5, 0.5, "no value", transform=panel.transAxes, ha="center", va="center", fontsize=10)


def _frame(panel: Axes, part: View | None) -> None:
    """The box of a part on the whole map; the part itself has the same frame."""
    if part is None:
        for spine in panel.spines.values():
            spine.set_linewidth(1.8)
        return
    left, right, bottom, top = part.extent
    box = Rectangle(
        (left, top), right - left, bottom - top, facecolor="none", edgecolor="black", linewidth=1.6, zorder=3
    )
    box.set_path_effects([withStroke(linewidth=3.2, foreground="white")])
    panel.add_patch(box)


def _inside(view: View, cols: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which stations lie in a view [station]."""
    left, right, bottom, top = view.extent
    return (cols >= left) & (cols <= right) & (rows >= top) & (rows <= bottom)


def _not_in(names: Sequence[str], part: View, cols: np.ndarray, rows: np.ndarray) -> list[str]:
    """The names of stations, empty for those in a part that shows them larger."""
    return ["" if drawn else name for name, drawn in zip(names, _inside(part, cols, rows), strict=bool(names))]


def _masked(view: View, bands: Sequence[str]) -> bool:
    """Whether pixels outside the range of the training data have no value."""
    return bool((np.isnan(view.bands[bands[0]]) & (view.sides == OUTSIDE)).any())
