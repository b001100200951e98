"""A map as a picture for the eye: mean and standard deviation of each layer, colour bars, a scale, missing pixels grey.

A smaller panel below shows which pixels have inputs outside the range of the training data. Hatching on the moisture
itself would cover what it is to qualify, where these pixels lie scattered.
Colours are Crameri's (2018, doi 10.5281/zenodo.1243862): even steps, readable without colour vision and in print.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import rasterio
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from rasterio.enums import Resampling

from loam.grid import geobox_of, open_raster, pixel_metres
from loam.io.atomic import atomic_path
from loam.mapping.trust import share_inside
from loam.training.ranges import INSIDE, NO_VALUE

LONGEST_SIDE = 1200  # pixels of the map that a panel shows; larger maps are read from their overviews
MISSING = "0.78"
UNITS = "m$^3$ m$^{-3}$"
MOISTURE, SPREAD = cm.roma, cm.lajolla_r  # brown is dry and blue wet; light is certain and dark uncertain
SIDES = ("#D9A441", "#E6EFE9")  # outside and inside the range of the training data
PANEL, BAR, HEAD, FOOT = 4.6, 1.0, 0.45, 0.25  # inches: width of a panel and its colour bar, height of title and scale
SMALL = 0.6  # size of the panel of the range, in panels


def draw_map(
    map_path: str | Path, trust: str | Path, picture: str | Path, layers: Sequence[Mapping[str, Any]], title: str
) -> None:
    """Draw the bands ``<layer>_mean`` and ``<layer>_std`` of a map, and where its inputs lie in the training range.

    Args:
        map_path: the map.
        trust: the file beside it with the band ``inside_training_range``.
        picture: PNG to write.
        layers: the config's ``layers``: name, top_cm, bottom_cm.
        title: of the picture.
    """
    with open_raster(map_path) as dataset:
        geobox = geobox_of(dataset)
        shrink = max(1.0, max(dataset.shape) / LONGEST_SIDE)
        shape = tuple(max(1, round(size / shrink)) for size in dataset.shape)
        bands = {name: _read(dataset, band, shape) for band, name in enumerate(dataset.descriptions, start=1)}
    with open_raster(trust) as dataset:
        sides = dataset.read(1, out_shape=shape, resampling=Resampling.nearest)
    width, height = pixel_metres(geobox)
    metres = (width * geobox.shape[1] / shape[1], height * geobox.shape[0] / shape[0])
    means = [bands[f"{layer['name']}_mean"] for layer in layers]
    spreads = [bands[f"{layer['name']}_std"] for layer in layers]
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
    known = sides == INSIDE if (sides == INSIDE).any() else np.ones(shape, bool)
    moisture, spread = _range(means, known), (0.0, _range(spreads, known)[1])
    for row, layer in enumerate(layers):
        name = f"{layer['name']} ({layer['top_cm']:g}-{layer['bottom_cm']:g} cm)"
        _draw(panels[row, 0], means[row], MOISTURE, moisture, f"{name}: moisture", metres)
        _draw(panels[row, 1], spreads[row], SPREAD, spread, f"{name}: spread of the members", metres)
    _draw_scale(panels[-1, 0], shape[1], metres[0])
    _draw_sides(small, sides, share_inside(trust), metres)
    panels[0, 0].text(0, 1 + 0.45 / tall, title, transform=panels[0, 0].transAxes, fontsize=12, fontweight="bold")
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, bbox_inches="tight", pad_inches=0.12)


def scale_length(width: float) -> float:
    """Length of the scale bar of a map ``width`` metres wide: 1, 2 or 5 times a power of ten, at most a quarter."""
    power = 10.0 ** math.floor(math.log10(width / 4))
    return max(step * power for step in (1, 2, 5) if step * power <= width / 4)


def _read(dataset: rasterio.DatasetReader, band: int, shape: tuple[int, int]) -> np.ndarray:
    return dataset.read(band, out_shape=shape, resampling=Resampling.average)


def _range(fields: Sequence[np.ndarray], known: np.ndarray) -> tuple[float, float]:
    """Limits of the colours: the 1st and 99th percentile of all fields where ``known``, rounded outwards to 0.005.

    ``known`` [row, column] is the range of the training data: what lies outside would take the colours of the rest.
    """
    values = np.concatenate([field[np.isfinite(field) & known] for field in fields])
    if not len(values):
        return 0.0, 0.5
    low, high = np.percentile(values, [1, 99])
    low = math.floor(low * 200) / 200
    return low, max(math.ceil(high * 200) / 200, low + 0.005)


def _draw(
    panel: Axes, field: np.ndarray, colours: mpl.colors.Colormap, limits: tuple[float, float], title: str,
    metres: tuple[float, float],
) -> None:  # fmt: skip
    panel.set_facecolor(MISSING)
    image = panel.imshow(
        np.ma.masked_invalid(field), cmap=colours, vmin=limits[0], vmax=limits[1], aspect=metres[1] / metres[0],
        interpolation="nearest",
    )  # fmt: skip
    panel.set(xticks=[], yticks=[])
    panel.set_title(title, loc="left", fontsize=10)
    beyond = [np.nanmin(field) < limits[0], np.nanmax(field) > limits[1]] if np.isfinite(field).any() else [False] * 2
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    beside = panel.inset_axes((1.025, 0, 0.04, 1))
    bar = panel.figure.colorbar(image, cax=beside, extend=extend[tuple(map(bool, beyond))])
    bar.set_label(UNITS, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    if not np.isfinite(field).any():
        panel.text(0.5, 0.5, "no value", transform=panel.transAxes, ha="center", va="center", fontsize=10)


def _draw_sides(panel: Axes, sides: np.ndarray, share: float, metres: tuple[float, float]) -> None:
    """The pixels outside the range of the training data, with the share of either side beside the panel."""
    panel.set_facecolor(MISSING)
    panel.imshow(
        np.ma.masked_equal(sides, NO_VALUE), cmap=ListedColormap(SIDES), vmin=0, vmax=1, aspect=metres[1] / metres[0],
        interpolation="nearest",
    )  # fmt: skip
    panel.set(xticks=[], yticks=[])
    panel.set_title("inputs against the range of the training data", loc="left", fontsize=10)
    if not math.isfinite(share):
        panel.text(0.5, 0.5, "no value", transform=panel.transAxes, ha="center", va="center", fontsize=10)
        return
    told = {"inside": share, "outside": 1 - share}
    panel.legend(
        handles=[
            Patch(facecolor=colour, edgecolor="0.4", label=f"{name}: {100 * told[name]:.0f} % of the pixels")
            for name, colour in zip(told, reversed(SIDES), strict=True)
        ],
        loc="upper left", bbox_to_anchor=(1.02, 1.02), frameon=False, fontsize=9,
    )  # fmt: skip


def _draw_scale(panel: Axes, columns: int, metres: float) -> None:
    """A scale bar below the panel's lower left corner."""
    length = scale_length(columns * metres)
    share = length / (columns * metres)
    panel.plot([0, share], [-0.035] * 2, transform=panel.transAxes, color="black", linewidth=3, clip_on=False,
               solid_capstyle="butt")  # fmt: skip
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    panel.text(share + 0.015, -0.035, text, transform=panel.transAxes, va="center", fontsize=9)
