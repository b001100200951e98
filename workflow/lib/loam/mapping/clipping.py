"""Inputs of a tile held at the edge of the training data's range, so that no network is asked beyond it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from loam.covariates.read.tiles import TileInputs

CLIP, MASK = "clip", "mask"  # what becomes of pixels outside the range of the training data, beside extrapolation


def clipped(inputs: TileInputs, low: np.ndarray, high: np.ndarray) -> TileInputs:
    """``inputs`` with every number below its feature's lower limit or above its upper one at that limit.

    A pixel whose numbers lie within all limits is the same to the bit. A pixel with none of the classes that were
    trained on stays one: between classes there is no edge.

    Args:
        inputs: of a tile.
        low, high: limits [feature], float32, static features first, then the sequence step by step, then patches
            likewise.
    """
    count, steps = inputs.static.shape[1], inputs.cells.shape[1:]
    of_cells = slice(count, count + math.prod(steps))
    held = replace(
        inputs,
        static=inputs.static.clip(low[:count], high[:count]),
        cells=inputs.cells.clip(low[of_cells].reshape(steps), high[of_cells].reshape(steps)),
    )
    if inputs.around is None:
        return held
    bands = inputs.around.values.shape[2:]
    edges = (limit[-math.prod(bands) :].reshape(bands) for limit in (low, high))
    return replace(held, around=replace(inputs.around, values=inputs.around.values.clip(*edges)))
