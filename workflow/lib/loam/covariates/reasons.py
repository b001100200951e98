"""Why a row is no sample, a pixel not land, a station without pixel: words of tables and logs, numbers of land.tif."""

from __future__ import annotations

LAND, SEA, NO_COVER = 0, 1, 2  # second band of land.tif
OUTSIDE, MASKED = "outside the grid", "masked pixel"
REASONS = {SEA: "in the sea", NO_COVER: MASKED}
ALL_LAYERS, COVARIATE, KEPT = "all layers", "covariate", "kept"
WARM_UP = "warm-up after a gap"
