"""A map as a picture for the eye: mean and standard deviation of each layer, colour bars, a scale, and no pixel untold.

A pixel whose inputs lie outside the range of the training data is hatched, or has a colour of its own where it has no
moisture; so has one where an input is missing, or that lies outside the land mask. A smaller panel below shows these,
with a legend. Above the panels stands how far off the map is. Colours of moisture and spread are those of the
run (``loam.mapping.scale``), the same on all days.
They are Crameri's (2018, doi 10.5281/zenodo.1243862): even steps, readable without colour vision and in print.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from rasterio.enums import Resampling

from loam.config.map_bands import OF_MEMBERS, band_names
from loam.io.atomic import atomic_path
from loam.mapping.trust import CLASSES, INCOMPLETE, count_classes
from loam.raster.bands import values_of_band
from loam.raster.grid import geobox_of, open_raster, pixel_metres
from loam.training.ranges import INSIDE, NO_VALUE, OUTSIDE

LONGEST_SIDE = 1200  # pixels of the map that a panel shows; larger maps are read from their overviews
COLOURS = {item.value: item.colour for item in CLASSES}
MISSING = COLOURS[INCOMPLETE]
UNITS = "m$^3$ m$^{-3}$"
MOISTURE, SPREAD = cm.roma, cm.lajolla_r  # brown is dry and blue wet; light is certain and dark uncertain
PANEL, BAR, HEAD, FOOT = 4.6, 1.0, 0.45, 0.25  # inches: width of a panel and its colour bar, height of title and scale
HATCH = "//////"
SMALL = 0.6  # size of the panel of the range, in panels
LINE, CHARACTERS = 0.17, 170  # height in inches and length of a line of text above the panels


def draw_map(
    map_path: str | Path,
    trust: str | Path,
    picture: str | Path,
    layers: Sequence[Mapping[str, Any]],
    title: str,
    limits: Mapping[str, tuple[float, float]],
    told: Sequence[str] = (),
) -> None:
    """Draw the bands ``<layer>_mean`` and ``<layer>_std`` of a map, and where its inputs lie in the training range.

    Args:
        map_path: the map.
        trust: the file beside it with the band ``inside_training_range``.
        picture: PNG to write.
        layers: the config's ``layers``: name, top_cm, bottom_cm.
        title: of the picture.
        limits: of the colours of each band, by its name, m3 m-3.
        told: what to say above the panels: how far off the map is.
    """
    with open_raster(map_path) as dataset:
        geobox = geobox_of(dataset)
        shrink = max(1.0, max(dataset.shape) / LONGEST_SIDE)
        shape = tuple(max(1, round(size / shrink)) for size in dataset.shape)
        wanted = set(band_names([layer["name"] for layer in layers], OF_MEMBERS))
        bands = {name: values_of_band(dataset, band, shape=shape)
                 for band, name in enumerate(dataset.descriptions, start=1) if name in wanted}  # fmt: skip
    with open_raster(trust) as dataset:
        sides = dataset.read(1, out_shape=shape, resampling=Resampling.nearest)
    width, height = pixel_metres(geobox)
    metres = (width * geobox.shape[1] / shape[1], height * geobox.shape[0] / shape[0])
    tall = PANEL * shape[0] * metres[1] / (shape[1] * metres[0])
    below = FOOT + HEAD + SMALL * tall
    wide, high = 2 * (PANEL + BAR), len(layers) * (tall + HEAD) + below
    figure = Figure(figsize=(wide, high), dpi=130)
    FigureCanvasAgg(figure)
    panels = np.array([
        [figure.add_axes((col * (PANEL + BAR) / wide, 1 - (row + 1) * (tall + HEAD) / high, PANEL / wide, tall / high))
         for col in range(2)]
        for row in range(len(layers))
    ])  # fmt: skip
    small = figure.add_axes((0, 0, SMALL * PANEL / wide, SMALL * tall / high))
    for row, layer in enumerate(layers):
        name = f"{layer['name']} ({layer['top_cm']:g}-{layer['bottom_cm']:g} cm)"
        for panel, statistic, colours, what in (
            (panels[row, 0], "mean", MOISTURE, "moisture"), (panels[row, 1], "std", SPREAD, "spread of the members"),
        ):  # fmt: skip
            band = f"{layer['name']}_{statistic}"
            _draw(panel, bands[band], sides, colours, limits[band], f"{name}: {what}", metres)
    _draw_scale(panels[-1, 0], shape[1], metres[0])
    _draw_sides(small, sides, count_classes(trust), metres)
    _write_head(panels[0, 0], title, told, tall)
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, bbox_inches="tight", pad_inches=0.12)


def scale_length(width: float) -> float:
    """Length of the scale bar of a map ``width`` metres wide: 1, 2 or 5 times a power of ten, at most a quarter."""
    power = 10.0 ** math.floor(math.log10(width / 4))
    return max(step * power for step in (1, 2, 5) if step * power <= width / 4)


def _write_head(panel: Axes, title: str, told: Sequence[str], tall: float) -> None:
    """The title above a panel ``tall`` inches high, and below it the lines of ``told``."""
    lines = [line for text in told for line in textwrap.wrap(text, CHARACTERS)]
    for place, line in enumerate(reversed(lines)):
        panel.text(0, 1 + (HEAD + place * LINE) / tall, line, transform=panel.transAxes, fontsize=8.5, va="bottom")
    above = HEAD + len(lines) * LINE + (0.08 if lines else 0)
    panel.text(0, 1 + above / tall, title, transform=panel.transAxes, fontsize=12, fontweight="bold", va="bottom")


def _draw(
    panel: Axes, field: np.ndarray, sides: np.ndarray, colours: mpl.colors.Colormap, limits: tuple[float, float],
    title: str, metres: tuple[float, float],
) -> None:  # fmt: skip
    aspect = metres[1] / metres[0]
    panel.imshow(_background(sides), aspect=aspect, interpolation="nearest")
    image = panel.imshow(
        np.ma.masked_invalid(field), cmap=colours, vmin=limits[0], vmax=limits[1], aspect=aspect,
        interpolation="nearest",
    )  # fmt: skip
    panel.set(xticks=[], yticks=[])
    _hatch(panel, (sides == OUTSIDE) & np.isfinite(field))
    panel.set_title(title, loc="left", fontsize=10)
    beyond = [np.nanmin(field) < limits[0], np.nanmax(field) > limits[1]] if np.isfinite(field).any() else [False] * 2
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    beside = panel.inset_axes((1.025, 0, 0.04, 1))
    bar = panel.figure.colorbar(image, cax=beside, extend=extend[tuple(map(bool, beyond))])
    bar.set_label(UNITS, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    if not np.isfinite(field).any():
        panel.text(0.5, 0.5, "no value", transform=panel.transAxes, ha="center", va="center", fontsize=10)


def _hatch(panel: Axes, where: np.ndarray) -> None:
    """Thin lines over the pixels ``where`` [row, column]."""
    if where.any() and min(where.shape) > 1:
        with mpl.rc_context({"hatch.linewidth": 0.35, "hatch.color": "0.35"}):
            panel.contourf(where.astype(float), levels=[0.5, 1.5], colors="none", hatches=[HATCH])


def _background(sides: np.ndarray, inside: str = "white") -> np.ndarray:
    """Colours of the pixels without a value [row, column, 3], by the band of ``trust.tif``."""
    table = np.zeros((256, 3))
    for value, colour in (COLOURS | {INSIDE: inside}).items():
        table[value] = to_rgb(colour)
    return table[sides]


def _draw_sides(panel: Axes, sides: np.ndarray, counts: Mapping[int, int], metres: tuple[float, float]) -> None:
    """Which pixels lie outside the range of the training data or have no inputs, with a legend of all panels."""
    panel.imshow(_background(sides, COLOURS[INSIDE]), aspect=metres[1] / metres[0], interpolation="nearest")
    panel.set(xticks=[], yticks=[])
    panel.set_title("inputs against the range of the training data", loc="left", fontsize=10)
    land = counts[INSIDE] + counts[OUTSIDE] + counts[INCOMPLETE]
    if not counts[INSIDE] + counts[OUTSIDE]:
        panel.text(0.5, 0.5, "no value", transform=panel.transAxes, ha="center", va="center", fontsize=10)
    share = {
        value: f": {_percent(counts[value] / land)} % of the land" for value in (INSIDE, OUTSIDE, INCOMPLETE) if land
    }
    names = {item.value: item.name for item in CLASSES}
    names[OUTSIDE] += ", hatched above where it has a value"
    panel.legend(
        handles=[
            Patch(facecolor=COLOURS[value], edgecolor="0.4", label=names[value] + share.get(value, ""),
                  hatch=HATCH if value == OUTSIDE else None)
            for value in (INSIDE, OUTSIDE, INCOMPLETE, NO_VALUE)
        ],
        loc="upper left", bbox_to_anchor=(1.02, 1.02), frameon=False, fontsize=9,
    )  # fmt: skip


def _percent(share: float) -> str:
    """A share in percent, whole from 1 % on, so that a little is not told as nothing."""
    return f"{100 * share:.0f}" if share >= 0.01 or not share else f"{100 * share:.2g}"


def _draw_scale(panel: Axes, columns: int, metres: float) -> None:
    """A scale bar below the panel's lower left corner."""
    length = scale_length(columns * metres)
    share = length / (columns * metres)
    panel.plot([0, share], [-0.035] * 2, transform=panel.transAxes, color="black", linewidth=3, clip_on=False,
               solid_capstyle="butt")  # fmt: skip
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    panel.text(share + 0.015, -0.035, text, transform=panel.transAxes, va="center", fontsize=9)
