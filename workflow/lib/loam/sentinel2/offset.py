"""Whether the pixels of a catalogue have had the radiometric offset already, whatever its item says.

Earth Search has items that deny it (``earthsearch:boa_offset_applied`` false) though -1000 is off the pixels: 2022, and
again in 2025. Taken off twice, vegetation has a red reflectance of -0.05 or less, which no surface and no error of the
atmospheric correction has. So where more than a twentieth of the clear land would, the pixels have had the offset, none
is applied, and the log and the file say so. Bright deserts do not tell; there the item is believed.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from loam.sentinel2.masks import ProductMasks
from loam.sentinel2.reading import Block, ProductReader

log = logging.getLogger("loam")

IMPOSSIBLE = -0.02  # red reflectance; noise and over-correction stay above
SHARE = 0.05  # of the clear pixels
COUNT = 1000  # clear pixels from which a share means something
SAMPLES, SIDE = 8, 64  # blocks along each side of the tile, and 20 m pixels along theirs


def settle_offset(reader: ProductReader, masks: ProductMasks) -> bool:
    """Take the offset off the bands of a catalogue's product where its pixels have had it; whether it was so."""
    product = reader.product
    offset = product.bands["B04"].offset
    if not product.catalogue or offset >= 0:
        return False
    clear = impossible = 0
    for block in _sample(reader.geobox.shape):
        red = reader.reflectance("B04", block)
        known = masks.combined(block) & np.isfinite(red)
        clear += int(known.sum())
        impossible += int((red[known] < IMPOSSIBLE).sum())
    if clear < COUNT or impossible <= SHARE * clear:
        return False
    log.warning(
        "%s: with offset %g, %.0f %% of the clear pixels would have a red reflectance below %g: the pixels have had "
        "it, and none is applied", product.where, offset, 100 * impossible / clear, IMPOSSIBLE,
    )  # fmt: skip
    reader.product = replace(product, bands={name: replace(band, offset=0.0) for name, band in product.bands.items()})
    return True


def _sample(shape: tuple[int, int]) -> list[Block]:
    """Blocks spread over the tile, not more than cover it."""
    firsts = [np.unique(np.linspace(0, max(side - SIDE, 0), SAMPLES).astype(int)) for side in shape]
    return [
        Block(int(row), int(min(row + SIDE, shape[0])), int(column), int(min(column + SIDE, shape[1])))
        for row in firsts[0]
        for column in firsts[1]
    ]
