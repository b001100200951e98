"""How wide the intervals of a map are at each pixel: by its dissimilarity index, where they were calibrated so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class HalfWidths:
    """Half widths in bins of the dissimilarity index.

    Args:
        edges: of each layer the index up to which each of its bins reaches, ascending; the last is infinite.
        widths: of each level of confidence and layer those of the bins, m3 m-3.
    """

    edges: Sequence[np.ndarray]
    widths: Mapping[float, Sequence[np.ndarray]]

    @property
    def vary(self) -> bool:
        """Whether a layer has more than one bin."""
        return any(len(edges) > 1 for edges in self.edges)

    def at(self, index: np.ndarray | None) -> dict[float, np.ndarray]:
        """Half widths of each level at pixels of an index [pixel]: [pixel, layer]; or [layer] where they do not vary.

        Where no index is known (None, NaN) they are those of the last bin.
        """
        if not self.vary or index is None:
            return {level: np.array([of_bins[-1] for of_bins in layers]) for level, layers in self.widths.items()}
        bins = [np.searchsorted(edges[:-1], index) for edges in self.edges]
        return {
            level: np.stack([of_bins[place] for of_bins, place in zip(layers, bins, strict=True)], axis=1)
            for level, layers in self.widths.items()
        }


def half_widths_of(table: pd.DataFrame, layers: Sequence[str], levels: Sequence[float]) -> HalfWidths:
    """The half widths of a table.

    Args:
        table: schema HALF_WIDTHS; a layer or level that it lacks has none (NaN).
        layers: of the map.
        levels: of confidence.
    """
    edges, widths = [], {level: [] for level in levels}
    for layer in layers:
        own = table[table["layer"] == layer]
        wide = own.pivot(index="dissimilarity_to", columns="level", values="half_width").sort_index()
        wide = wide.reindex(columns=list(levels)) if len(wide) else pd.DataFrame(np.nan, [np.inf], list(levels))
        edges.append(wide.index.to_numpy(float))
        for level in levels:
            widths[level].append(wide[level].to_numpy(float))
    return HalfWidths(edges, widths)
