"""The unit of a raster that a map reads, and the one that the model was trained in: converted where they differ.

A model has no units, it has numbers. In which unit a feature's were is told by their range over the training rows: a
temperature of 278 to 316 was kelvin, an available water capacity of 4 to 21 was percent. A raster that names another
unit of the same quantity is converted; one that names a unit of something else is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np

from loam.config.sections.mapping import MapInput
from loam.covariates.features import FeatureSet
from loam.errors import RasterError
from loam.units import conversion_between, spelling
from loam.variables import Variable, unit_of_record, variable_of, variables

log = logging.getLogger("loam")

Convert = Callable[[np.ndarray], np.ndarray]


class InputUnits:
    """The units of a map's inputs.

    Args:
        trained: least and greatest value of each feature over the training rows, by its column; None where they are
            not known, and features are taken to be in the units of ``loam.variables``.
        features: what the model reads.
    """

    def __init__(self, trained: Mapping[str, tuple[float, float]] | None, features: FeatureSet) -> None:
        self._extremes: dict[str, tuple[float, float]] = {}
        for feature in features.all if trained else ():
            days = feature.step.days if feature.step.statistic == "sum" else 1
            low, high = (end / days for end in trained[feature.column])
            least, most = self._extremes.get(feature.name, (low, high))
            self._extremes[feature.name] = min(low, least), max(high, most)
        self._known: dict[tuple[object, str], Convert | None] = {}

    def convert(self, values: np.ndarray, name: str, written: str | None, where: object) -> np.ndarray:
        """``values`` (any shape, float32) of a raster in the unit that the model was trained in.

        Args:
            values: as the raster has them.
            name: of the feature.
            written: the unit that the raster, or the config for it, names; None where neither does, and they stay.
            where: the raster's file.

        Raises:
            RasterError: the unit cannot be turned into that of the training data.
        """
        key = (where, name)
        if key not in self._known:
            self._known[key] = self._conversion(name, written, where) if written else None
        way = self._known[key]
        return values if way is None else way(values.astype(np.float64)).astype(np.float32)

    def _conversion(self, name: str, written: str, where: object) -> Convert | None:
        anything = variables()["temperature"]  # of air, soil, the surface of land
        variable = variable_of(name) or (anything if spelling(written) in anything.measured.known else None)
        if variable is None:
            log.warning("%s: the unit of '%s' is %s here; that of the training data is not known, and the values are "
                        "taken as they are", where, name, written)  # fmt: skip
            return None
        wanted = self._trained_in(name, variable)
        way = conversion_between(variable.measured, written, wanted) if wanted else None
        if way is None:
            raise RasterError(
                f"'{name}' has the unit '{written}', and the model was trained on it in {wanted or 'an unknown one'}",
                where=where, expected=f"one of {', '.join(variable.measured.known)}",
                fix="correct the unit in the file, or say its `unit` in mapping.inputs",
            )  # fmt: skip
        if spelling(written) != spelling(wanted):
            log.info("%s: '%s' is converted from %s to %s, as in training", where, name, written, wanted)
        return way

    def _trained_in(self, name: str, variable: Variable) -> str | None:
        if name not in self._extremes:
            return variable.units
        unit = unit_of_record(variable, *self._extremes[name])
        return variable.units if unit == spelling(variable.units) else unit


def unit_named(item: MapInput, feature: str) -> str | None:
    """The unit that an entry of ``mapping.inputs`` names for a feature: one for the file, or one a feature."""
    given = item.unit
    if given is None or isinstance(given, str):
        return given
    return given[item.features.index(feature)]
