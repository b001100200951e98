"""What the bands of a map's two files hold: moisture, spread and intervals; the flag of the training data's range."""

from __future__ import annotations

import math

from rasterio.enums import Resampling

from loam.mapping.trust import CLASSES, TRUST_CLASSES
from loam.raster.cog import Content
from loam.training.ranges import NO_VALUE

TITLE = "Soil moisture, m3 m-3: mean and standard deviation over the members of a network, and intervals of the truth"
ENCODED = {
    "float32": Content(TITLE, "float32", math.nan, "m3 m-3", Resampling.average),
    "int16": Content(TITLE, "int16", -32768, "m3 m-3", Resampling.average, scale=0.001),
}
FLAG = Content(
    "How far the map may be trusted: inputs against the training data, class, reasons",
    "uint8", NO_VALUE, "1", Resampling.mode, CLASSES, [TRUST_CLASSES],
)  # fmt: skip
