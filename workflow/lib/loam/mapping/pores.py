"""The most water that a pixel's soil can hold, where its bulk density is among the features: its pores.

Porosity is 1 - bulk density / 2.65 g cm-3, the density of quartz and of most soil minerals (Blake and Hartge, 1986,
Methods of Soil Analysis 1, 363-375). Organic matter is lighter, and stones hold nothing, so that the soil's pores are
less: the bound is never too low for these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loam.covariates.features import FeatureSet
from loam.covariates.read.tiles import TileInputs

GRAINS = 2.65  # g cm-3
DEPTHS = {"bulk_density_1": (0, 5), "bulk_density_2": (5, 15), "bulk_density_3": (15, 30), "bulk_density_4": (30, 60)}


class Pores:
    """Porosity of the layers at pixels.

    Args:
        features: what the model reads.
        layers: the config's ``layers``: name, top_cm, bottom_cm.
    """

    def __init__(self, features: FeatureSet, layers: Sequence[Mapping[str, Any]]) -> None:
        columns = [feature.column for feature in features.static]
        known = {columns.index(name): depths for name, depths in DEPTHS.items() if name in columns}
        self._columns = list(known)
        shared = [
            [max(0.0, min(bottom, layer["bottom_cm"]) - max(top, layer["top_cm"])) for layer in layers]
            for top, bottom in known.values()
        ]
        self._shared = np.array(shared, np.float64).reshape(len(known), len(layers))  # cm, [depth, layer]

    @property
    def known(self) -> bool:
        """Whether the density of any layer is."""
        return bool(self._shared.any())

    def at(self, inputs: TileInputs) -> np.ndarray:
        """Porosity [pixel, layer], float32, m3 m-3: mean over the depths of a layer that are known; 1 where none is."""
        total = self._shared.sum(axis=0)
        density = inputs.static[:, self._columns].astype(np.float64) @ self._shared / np.where(total, total, 1.0)
        return np.clip(1 - density / GRAINS, 0, 1).astype(np.float32)
