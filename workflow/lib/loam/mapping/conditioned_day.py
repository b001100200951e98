"""What today's probes say of the error of a map: their residuals, kriged to every pixel (``evaluation.condition``)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from loam.evaluation.condition import Conditioner, Residuals
from loam.mapping.level_shift import LevelShift

log = logging.getLogger("loam")


class ConditionedDay(LevelShift):
    """What is added to the map of a day.

    Args:
        predictions: held-out ones of the model that makes the map (schema PREDICTIONS).
        places: columns latitude and longitude, degrees, by station.
        layers: names, in the map's order.
        day: of the map, YYYY-MM-DD; residuals of other days tell how alike errors are, and the levels.
    """

    def __init__(self, predictions: pd.DataFrame, places: pd.DataFrame, layers: Sequence[str], day: str) -> None:
        super().__init__(len(layers), predictions["station"].nunique())
        self._day = np.array([np.datetime64(day, "D").astype(int)])
        self._parts: list[Conditioner | None] = []
        for layer in layers:
            of_layer = predictions[predictions["layer"] == layer]
            told = Conditioner(Residuals.of(of_layer, places)) if len(of_layer) else None
            self._parts.append(told)
            reporting = int((of_layer["date"] == pd.Timestamp(day)).sum())
            if not reporting:
                log.warning("%s: no probe of %s has a held-out prediction on the day: the map is not conditioned on "
                            "any", day, layer)  # fmt: skip
            elif told is not None and told.days is not None:
                log.info("%s, %s: %d probes report; errors of a day share %.0f %% of their variance everywhere, "
                         "%.0f %% more nearby (1 / e at %.3g km)", day, layer, reporting,
                         *told.days.shares, told.days.range_km)  # fmt: skip

    def shift_at(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        """As of ``LevelShift``."""
        found = np.zeros((len(latitude), len(self._parts)))
        for column, told in enumerate(self._parts):
            if told is not None:
                of_day, _ = told.days_at(latitude, longitude, self._day)
                found[:, column] = of_day[:, 0] + told.level_at(latitude, longitude)
        return found
