"""Which pixels of a product can be used: seen, whole, and free of cloud, cloud shadow and snow.

Simonsen masks Sen2Cor's cloud and snow probabilities at 90 % and nothing else. That is kept, and the scene
classification (SCL) is asked as well, because cloud shadow stands nowhere else: by default vegetation (4), bare
soil (5) and unclassified (7) stay. Water (6) goes, so that an index tells of the land in a pixel at a shore; so do
dark areas (2), cloud shadow (3), all clouds (8, 9, 10) and snow (11). The thesis alone is every class but 0, 1 and
3.

Level 1C has no SCL. Its own cloud mask is used (MSK_CLASSI from baseline 04.00, polygons before), or s2cloudless
where it has none; neither knows cloud shadow, and the log says so.
"""

from __future__ import annotations

import logging

import numpy as np
from scipy.ndimage import distance_transform_edt

from loam.config.sections.sentinel2 import Sentinel2
from loam.sentinel2.cloudless import cloud_probability
from loam.sentinel2.polygons import inside
from loam.sentinel2.reading import Block, ProductReader, parts
from loam.sentinel2.tile_pass import INDEX_BANDS

log = logging.getLogger("loam")

PIECE = 2560  # 20 m pixels a side of what is combined at a time: whole image tiles of the 10 m and 20 m masks
CLOUD_CLASSES, SNOW_CLASSES = (1, 2), (3,)  # bands of MSK_CLASSI: opaque cloud, cirrus; snow
CLOUD_CODES = (3, 8, 9, 10)  # of the scene classification: cloud shadow, cloud of medium and high probability, cirrus
SPOILT = (
    3,
    4,
    5,
    6,
    8,
)  # bands of MSK_QUALIT: lost, degraded, defective, no data, saturated (not: ancillary, crosstalk)


class ProductMasks:
    """The masks of an open product, as far as it has them; what it lacks is logged once.

    Raises:
        RasterError: level 1C without a mask, and without s2cloudless (``loam.sentinel2.cloudless``).
    """

    def __init__(self, reader: ProductReader, rules: Sentinel2) -> None:
        self._reader, self._rules = reader, rules
        self._keep = np.zeros(256, bool)
        codes = reader.product.class_codes or {code: code for code in range(12)}
        self._keep[[code for code, scl in codes.items() if scl in rules.scl]] = True
        self._clouds = np.zeros(256, bool)
        self._clouds[[code for code, scl in codes.items() if scl in CLOUD_CODES and scl not in rules.scl]] = True
        self.used, lacking = _inventory(reader)
        self._computed = None
        self._pieces: dict[Block, np.ndarray] = {}
        if self.used[0] == "s2cloudless":
            self._computed = cloud_probability(reader)
        log.info(
            "%s: masks %s%s",
            reader.product.name,
            ", ".join(self.used),
            f"; it has no {', no '.join(lacking)}" if lacking else "",
        )

    def valid(self, block: Block) -> np.ndarray:
        """Pixels of a block that may be used: bool [row, column]."""
        height, width = self._reader.geobox.shape
        valid = np.empty(block.shape, bool)
        for part in parts(block, PIECE, PIECE):
            top, left = part.top // PIECE * PIECE, part.left // PIECE * PIECE
            piece = Block(top, min(top + PIECE, height), left, min(left + PIECE, width))
            if piece not in self._pieces:
                self._pieces[piece] = self.combined(piece)
            valid[block.slices(part)] = self._pieces[piece][piece.slices(part)]
        return valid

    def combined(self, block: Block) -> np.ndarray:
        """What all masks leave of a block, computed anew: bool [row, column]."""
        reader, product, rules = self._reader, self._reader.product, self._rules
        valid = ~self._near_cloud(block)
        if product.classes:
            valid &= self._keep[self._codes(block)]
        if product.snow_probability:
            valid &= reader.codes(product.snow_probability, block, 100) < rules.snow_probability
        if product.cloud_classes:
            valid &= ~reader.flagged(product.cloud_classes, block, SNOW_CLASSES)
        for raster in product.quality.values():
            valid &= ~reader.flagged(raster, block, SPOILT)
        if product.defect_areas.rings:
            valid &= ~inside(product.defect_areas, reader.transform_of(block), block.shape, touched=True)
        return valid

    def _near_cloud(self, block: Block) -> np.ndarray:
        """Pixels of cloud or cloud shadow, and those within the buffer of one: bool [row, column]."""
        reach = self._rules.cloud_buffer
        if not reach:
            return self._cloud(block)
        height, width = self._reader.geobox.shape
        around = Block(
            max(block.top - reach, 0), min(block.bottom + reach, height),
            max(block.left - reach, 0), min(block.right + reach, width),
        )  # fmt: skip
        cloud = self._cloud(around)
        if not cloud.any():
            return np.zeros(block.shape, bool)
        return (distance_transform_edt(~cloud) <= reach)[around.slices(block)]

    def _cloud(self, block: Block) -> np.ndarray:
        """Pixels that a mask calls cloud, cirrus or cloud shadow: bool [row, column]."""
        reader, product, rules = self._reader, self._reader.product, self._rules
        cloud = np.zeros(block.shape, bool)
        if product.classes:
            cloud |= self._clouds[self._codes(block)]
        if product.cloud_probability:
            cloud |= reader.codes(product.cloud_probability, block, 100) >= rules.cloud_probability
        if product.cloud_classes:
            cloud |= reader.flagged(product.cloud_classes, block, CLOUD_CLASSES)
        if product.cloud_areas:
            cloud |= inside(product.cloud_areas, reader.transform_of(block), block.shape, touched=False)
        if self._computed is not None:
            cloud |= self._computed.percent(block) >= rules.cloud_probability
        return cloud

    def _codes(self, block: Block) -> np.ndarray:
        """The scene classification of a block, 0 where there is none: uint8 [row, column]."""
        return np.nan_to_num(self._reader.codes(self._reader.product.classes, block, 0)).clip(0, 255).astype(np.uint8)


def _inventory(reader: ProductReader) -> tuple[list[str], list[str]]:
    """Masks a product has, and those it lacks, in words."""
    product = reader.product
    if product.level == "L1C":
        clouds = [
            ("MSK_CLASSI", product.cloud_classes),
            ("cloud polygons", product.cloud_areas),
            ("cloud probability", product.cloud_probability),
        ]
        used = [name for name, mask in clouds if mask is not None] or ["s2cloudless"]
        lacking = ["cloud shadow mask"] + ([] if product.cloud_classes or product.snow_probability else ["snow mask"])
    else:
        used = ["Fmask" if product.class_codes else "SCL"]
        asked = [("cloud probability", product.cloud_probability), ("snow probability", product.snow_probability)]
        used += [name for name, mask in asked if mask]
        lacking = [name for name, mask in asked if not mask]
    if product.quality:
        used.append("quality")
        lacking += [f"quality mask of {band}" for band in INDEX_BANDS if band not in product.quality]
    elif product.defect_areas.rings:
        used.append("defect polygons")
    else:
        lacking.append("quality mask")
    return used, lacking
