"""The scale of colours of each band, the same on all days of a run, so that two days can be compared by eye.

It follows from what the target's probes have measured, not from the maps: a day that is added changes no picture that
is there. Of each layer the 1st and the 99th percentile of the observed moisture, rounded outwards; the spread goes from
0 to an eighth of that width. Whoever wants another scale, for two runs say, sets ``mapping.scale``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from loam.config.map_bands import BOUNDS, STATISTICS
from loam.io.schemas import SCALES

SHOWN = [1, 99]  # percentiles of the observed moisture
STEP = 0.05  # m3 m-3, to which limits are rounded outwards
SPREAD = 0.125  # of the width of the moisture's scale
ASSUMED = (0.0, 0.5)  # m3 m-3, where nothing was observed


def scales(
    samples: pd.DataFrame, layers: Sequence[str], chosen: Mapping[str, Mapping[str, Sequence[float]]]
) -> pd.DataFrame:
    """Limits of the colours of each band, first those of the means, as in the map.

    Args:
        samples: observed moisture, m3 m-3, a column a layer.
        layers: names.
        chosen: the config's ``mapping.scale``: of a layer the limits of ``mean``, ``std`` or both.

    Returns:
        Schema SCALES, the ends of intervals in the colours of the mean; ``origin`` is ``config``, ``probes`` or, where
        no layer was observed, ``assumed``.
    """
    rows = {}
    for layer in layers:
        low, high, origin = _moisture(samples, layer)
        for statistic in STATISTICS:
            shown = "mean" if statistic in BOUNDS else statistic
            own, told = chosen.get(layer, {}).get(shown), origin
            if own:
                told = "config"
            elif shown == "std":
                own = 0.0, round(SPREAD * (high - low), 6)
            else:
                own = low, high
            if statistic == "mean":
                low, high = own
            rows[statistic, layer] = f"{layer}_{statistic}", layer, statistic, *map(float, own), told
    ordered = [rows[statistic, layer] for statistic in STATISTICS for layer in layers]
    return pd.DataFrame(ordered, columns=list(SCALES.columns))


def _moisture(samples: pd.DataFrame, layer: str) -> tuple[float, float, str]:
    observed = samples[layer].dropna() if layer in samples else samples.iloc[:0, 0]
    if observed.empty:
        return *ASSUMED, "assumed"
    low, high = np.percentile(observed.to_numpy(float), SHOWN)
    low = math.floor(low / STEP + 1e-6) * STEP
    high = max(math.ceil(high / STEP - 1e-6) * STEP, low + STEP)
    return round(low, 6), round(high, 6), "probes"
