"""What stands below every map of a picture: a scale bar of a round length, and an arrow to true north."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.patches import Polygon

BAR_HEIGHT, GAP = 0.05, 0.08  # inches
ARROW, ARROW_WIDTH = 0.3, 0.17  # inches: length, and width at the foot


def scale_length(width: float) -> float:
    """Length of the scale bar of a map ``width`` metres wide: 1, 2 or 5 times a power of ten, at most a quarter."""
    power = 10.0 ** math.floor(math.log10(width / 4))
    return max(step * power for step in (1, 2, 5) if step * power <= width / 4)


def draw_foot(foot: Axes, wide: float, metres: float, north: float) -> None:
    """Draw the scale bar at the left end of a strip, and the arrow at its right end.

    Args:
        foot: the strip, whose coordinates are inches from its lower left corner.
        wide: width of the map above it, inches.
        metres: the same on the ground.
        north: direction of true north, degrees clockwise from the top.
    """
    length, middle = scale_length(metres), foot.get_ylim()[1] / 2
    end = wide * length / metres
    left, right, low, high = 0.0, end, middle - BAR_HEIGHT / 2, middle + BAR_HEIGHT / 2
    for start, stop, colour in ((left, right / 2, "black"), (right / 2, right, "white")):
        corners = [(start, low), (stop, low), (stop, high), (start, high)]
        foot.add_patch(Polygon(corners, facecolor=colour, edgecolor="black", linewidth=0.8, clip_on=False))
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    foot.text(end + GAP, middle, text, va="center", fontsize=9)
    _draw_arrow(foot, wide - ARROW / 2, middle, north)


def _draw_arrow(foot: Axes, x: float, y: float, north: float) -> None:
    """An arrow whose middle is at x, y, half of it filled, with an N beside its foot."""
    angle = math.radians(north)
    ahead, aside = (math.sin(angle), math.cos(angle)), (math.cos(angle), -math.sin(angle))

    def at(along: float, across: float) -> tuple[float, float]:
        return x + along * ahead[0] + across * aside[0], y + along * ahead[1] + across * aside[1]

    tip, notch = at(ARROW / 2, 0), at(-ARROW / 4, 0)
    for side, colour in ((-1, "black"), (1, "white")):
        corners = [tip, at(-ARROW / 2, side * ARROW_WIDTH / 2), notch]
        foot.add_patch(Polygon(corners, facecolor=colour, edgecolor="black", linewidth=0.8, clip_on=False))
    foot.text(x - ARROW / 2 - 0.03, y, "N", ha="right", va="center", fontsize=9)
