"""The legend of a map's picture: a panel of the trust classes, and what each pattern, colour and marker means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from loam.mapping.station_markers import draw_stations
from loam.mapping.trust import CLASSES, INCOMPLETE, TRUST_CLASSES
from loam.mapping.trust_pattern import trust_pattern
from loam.training.ranges import INSIDE, NO_VALUE, OUTSIDE

REASONS = {item.value: item.colour for item in CLASSES}  # colours of pixels without a value
WIDTH, LINE = 6.2, 0.235  # inches: of the legend, and of a line of it
SWATCH, GAP = (0.34, 0.15), 0.08  # inches
SAMPLE = 0.3  # of the ramp of moisture, on which patterns are shown


def background(sides: np.ndarray) -> np.ndarray:
    """Colours of the pixels without a value [row, column, 3], by the band ``inside_training_range``."""
    table = np.zeros((256, 3))
    for value, colour in (REASONS | {INSIDE: "white"}).items():
        table[value] = to_rgb(colour)
    return table[sides]


def draw_classes(panel: Axes, classes: np.ndarray, sides: np.ndarray, extent: Sequence[float]) -> None:
    """The trust class of each pixel, or that an input is missing."""
    table = np.ones((256, 3))
    for item in TRUST_CLASSES:
        table[item.value] = to_rgb(item.colour)
    colours = table[classes]
    colours[sides == INCOMPLETE] = to_rgb(REASONS[INCOMPLETE])
    panel.imshow(colours, extent=extent, aspect="auto", interpolation="nearest")
    panel.set(xticks=[], yticks=[])
    panel.set_title("how far to trust it", loc="left", fontsize=10)


def legend_lines(
    classes: Mapping[int, int], sides: Mapping[int, int], masked: bool, stations: Sequence[tuple[str, str]], boxed: bool
) -> list[tuple[str, int | str, str]]:
    """What the legend says: kind of the line, which of its kind, and text.

    Args:
        classes, sides: number of pixels by the value of the bands ``class`` and ``inside_training_range``.
        masked: whether pixels outside the range of the training data have no value.
        stations: markers (``reading``, ``none``; empty for no marker), and what they mean.
        boxed: whether a box is drawn.
    """
    land = sum(count for value, count in classes.items() if value != NO_VALUE)
    share = {value: f": {percent(count / land)} % of the land" if land else "" for value, count in classes.items()}
    lines: list[tuple[str, int | str, str]] = [
        ("class", item.value, item.name + share.get(item.value, "")) for item in TRUST_CLASSES if item.value != NO_VALUE
    ]
    names = {item.value: item.name for item in CLASSES}
    if masked and sides[OUTSIDE]:
        lines.append(("reason", OUTSIDE, f"{names[OUTSIDE]}, no value: {percent(sides[OUTSIDE] / land)} % of the land"))
    if sides[INCOMPLETE]:
        text = f"{names[INCOMPLETE]}, no value: {percent(sides[INCOMPLETE] / land)} % of the land, of “do not use”"
        lines.append(("reason", INCOMPLETE, text))
    if sides[NO_VALUE]:
        lines.append(("reason", NO_VALUE, names[NO_VALUE]))
    lines += [("station", kind, text) for kind, text in stations]
    return [*lines, ("box", "", "the part that is drawn larger")] if boxed else lines


def draw_legend(
    legend: Axes, lines: Sequence[tuple[str, int | str, str]], colours: mpl.colors.Colormap, per_inch: float
) -> None:
    """Write the lines of ``legend_lines`` into axes whose coordinates are inches from the upper left corner."""
    colour_of = {item.value: item.colour for item in TRUST_CLASSES}
    wide, tall = SWATCH
    for x, text in ((0.0, "here"), (wide + GAP, "maps")):
        legend.text(x + wide / 2, -0.05, text, fontsize=7.5, ha="center", va="bottom", color="0.3")
    for number, (kind, what, text) in enumerate(lines):
        top = number * LINE + (LINE - tall) / 2
        middle, second = top + tall / 2, wide + GAP
        edge = {"edgecolor": "0.3", "linewidth": 0.6}
        if kind == "class":
            legend.add_patch(Rectangle((0, top), wide, tall, facecolor=colour_of[int(what)], **edge))
            _draw_sample(legend, int(what), (second, top), colours, per_inch)
            legend.add_patch(Rectangle((second, top), wide, tall, facecolor="none", **edge))
        elif kind == "reason":
            here = [0, second] if what != OUTSIDE else [second]
            for x in here:
                legend.add_patch(Rectangle((x, top), wide, tall, facecolor=REASONS[int(what)], **edge))
        elif kind == "station" and what:
            value = np.array([SAMPLE if what == "reading" else np.nan])
            draw_stations(legend, np.array([second + wide / 2]), np.array([middle]), value, colours, (0.0, 1.0))
        elif kind == "box":
            corner = second + 0.05, top
            legend.add_patch(Rectangle(corner, wide - 0.1, tall, facecolor="none", edgecolor="black", linewidth=1.6))
        legend.text(2 * wide + 2.5 * GAP, middle, text, fontsize=9, va="center")


def percent(share: float) -> str:
    """A share in percent, whole from 1 % on, so that a little is not told as nothing."""
    return f"{100 * share:.0f}" if share >= 0.01 or not share else f"{100 * share:.2g}"


def _draw_sample(
    legend: Axes, value: int, corner: tuple[float, float], colours: mpl.colors.Colormap, per_inch: float
) -> None:
    """A swatch as pixels of a class look on the maps."""
    (left, top), (wide, tall) = corner, SWATCH
    shape = (round(tall * per_inch), round(wide * per_inch))
    extent = (left, left + wide, top + tall, top)
    limits = legend.get_xlim(), legend.get_ylim()
    for image in (np.full((1, 1, 3), to_rgb(colours(SAMPLE))),
                  trust_pattern(np.full((1, 1), value, np.uint8), shape, per_inch)):  # fmt: skip
        legend.imshow(image, extent=extent, aspect="auto", interpolation="nearest")
    legend.set(xlim=limits[0], ylim=limits[1])
