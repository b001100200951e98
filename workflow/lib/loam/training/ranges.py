"""The range of the training data: the box of all that a model has learned from, and nothing beyond it.

Of every feature the least and the greatest value over the training rows. A pixel outside the box in one feature alone
is one that the network extrapolates to. The converse does not hold: inside the box, combinations of values may still
be new. Of the 0/1 columns (or shares) of a class covariate the box holds their total too: where every training row has
one of the classes, a pixel that has none of them lies outside, although each of its columns is 0, which was seen. A
band of a patch has one range, over all its pixels and steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loam.covariates.features import FeatureSet
from loam.errors import TableError
from loam.samples.windows import Windows

RANGE_BAND = "inside_training_range"  # of trust.tif
INSIDE, OUTSIDE, NO_VALUE = 1, 0, 255  # its values


@dataclass(frozen=True)
class TrainingRange:
    """Limits of the training rows, in the features' units.

    Args:
        minimum: of each feature [feature], float64, static ones first, then the sequence step by step.
        maximum: likewise.
        classes: least and greatest total of the columns of each class covariate, by its name.
    """

    minimum: np.ndarray
    maximum: np.ndarray
    classes: dict[str, tuple[float, float]]

    def union(self, other: TrainingRange) -> TrainingRange:
        """The smallest box that holds both, which must be of the same features."""
        return TrainingRange(
            np.minimum(self.minimum, other.minimum),
            np.maximum(self.maximum, other.maximum),
            {
                name: (min(low, other.classes[name][0]), max(high, other.classes[name][1]))
                for name, (low, high) in self.classes.items()
            },
        )

    def described(self) -> dict[str, Any]:
        """The box as a card holds it; ``read_range`` reads it."""
        return {
            "minimum": self.minimum.tolist(),
            "maximum": self.maximum.tolist(),
            "classes": {name: list(limits) for name, limits in self.classes.items()},
        }


def range_of_rows(windows: Windows, training: Sequence[np.ndarray]) -> TrainingRange:
    """The box of the rows that any member trains on.

    Args:
        windows: the domain's rows.
        training: positions of the training rows of each member.
    """
    rows = np.unique(np.concatenate(list(training)))
    of_rows = len(windows.features.all) - len(windows.features.patch) * len(windows.bands)
    limits = [(column.min(), column.max()) for column in (windows.column(number, rows) for number in range(of_rows))]
    of_bands = [windows.band(number, rows)[0] for number in range(len(windows.bands))]
    limits += [(values.min(), values.max()) for values in of_bands] * len(windows.features.patch)
    classes = {}
    for name, columns in class_columns(windows.features).items():
        total = np.sum([windows.column(number, rows) for number in columns], axis=0)
        classes[name] = (float(total.min()), float(total.max()))
    low, high = np.array(limits, np.float64).reshape(-1, 2).T
    return TrainingRange(low, high, classes)


def read_range(card: Mapping[str, Any]) -> TrainingRange:
    """The box that a card holds.

    Raises:
        TableError: it holds none.
    """
    if "range" not in card:
        raise TableError(
            "tells no range of the training data", where=f"card of {card['model']} {card['scenario']}",
            expected="key 'range'", fix="rerun its training",
        )  # fmt: skip
    held = card["range"]
    return TrainingRange(
        np.array(held["minimum"], np.float64),
        np.array(held["maximum"], np.float64),
        {name: (low, high) for name, (low, high) in held["classes"].items()},
    )


def class_columns(features: FeatureSet) -> dict[str, list[int]]:
    """Positions of the columns of each class covariate among the static features."""
    columns: dict[str, list[int]] = {}
    for place, feature in enumerate(features.static):
        if feature.kind == "class":
            columns.setdefault(feature.name, []).append(place)
    return columns
