"""Cloud probability of a level-1C product that has no cloud mask, by s2cloudless, an optional extra.

The classifier (a boosted-trees model of Sentinel Hub, compared in Skakun et al. 2022) wants top-of-atmosphere
reflectance of ten bands, pixel by pixel; it is asked at 60 m, where its coastal, water-vapour and cirrus bands are,
in strips of bounded memory.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from loam.errors import RasterError
from loam.sentinel2.reading import Block, ProductReader

log = logging.getLogger("loam")

BANDS = ("B01", "B02", "B04", "B05", "B08", "B8A", "B09", "B10", "B11", "B12")  # in the classifier's order
STRIP = 120  # rows of 20 m pixels at a time
SIDE = 3  # 20 m pixels along one of 60 m


@dataclass(frozen=True)
class CloudMap:
    """Cloud probability in percent of pixels of ``SIDE`` x ``SIDE`` 20 m pixels; 0 where the tile was not seen."""

    values: np.ndarray

    def percent(self, block: Block) -> np.ndarray:
        """The probability at each 20 m pixel of a block: float32 [row, column], percent."""
        rows, columns = np.arange(block.top, block.bottom) // SIDE, np.arange(block.left, block.right) // SIDE
        return self.values[np.ix_(rows, columns)]


def cloud_probability(reader: ProductReader) -> CloudMap:
    """The cloud probability of a whole tile.

    Raises:
        RasterError: s2cloudless is not installed, or the product lacks a band that it reads.
    """
    product = reader.product
    try:
        from s2cloudless import S2PixelCloudDetector
    except ImportError as error:
        raise RasterError(
            f"level 1C without a cloud mask needs s2cloudless ({error})", where=product.where,
            fix="install it into the environment: pip install s2cloudless; or use the level-2A product",
        ) from None  # fmt: skip
    if lacking := [band for band in BANDS if band not in product.bands]:
        raise RasterError(
            f"s2cloudless reads {', '.join(lacking)}",
            where=product.where,
            expected="all of them",
            fix="fetch the whole product",
        )
    detector = S2PixelCloudDetector(all_bands=False)
    height, width = reader.geobox.shape
    found = np.zeros((-(-height // SIDE), -(-width // SIDE)), np.float32)
    for top in range(0, height, STRIP):
        block = Block(top, min(top + STRIP, height), 0, width)
        image = np.stack([_coarse(reader.reflectance(band, block)) for band in BANDS], axis=-1)
        seen = np.isfinite(image).all(-1)
        probability = detector.get_cloud_probability_maps(np.where(seen[..., None], image, 0)[None].astype(np.float64))
        found[top // SIDE : -(-block.bottom // SIDE)] = np.where(seen, 100 * probability[0], 0)
    log.info("%s: s2cloudless finds a mean cloud probability of %.0f %%", product.name, found.mean())
    return CloudMap(found)


def _coarse(values: np.ndarray) -> np.ndarray:
    """Means over ``SIDE`` x ``SIDE`` pixels; the last ones are narrower where the size does not divide."""
    rows, columns = (-(-side // SIDE) * SIDE - side for side in values.shape)
    padded = np.pad(values, ((0, rows), (0, columns)), mode="edge")
    return padded.reshape(padded.shape[0] // SIDE, SIDE, -1, SIDE).mean((1, 3))
