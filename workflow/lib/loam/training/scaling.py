"""Standardisation of the inputs: minus the mean, divided by the standard deviation, of training rows only.

The works that loam follows do not say how inputs are scaled. Standardisation is linear, so a feature outside the range
of the training rows stays outside it. A variable of the sequence has one mean and one standard deviation for all its
steps: the network meets a change from one day to the next as a change, not as a difference between two scales.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loam.covariates.features import FeatureSet

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each member's training rows, in the features' units.

    Args:
        mean: [member, feature], float64.
        std: [member, feature], float64; 1 where the feature is constant.
    """

    mean: np.ndarray
    std: np.ndarray

    def of_members(self, count: int) -> Scaler:
        """The scaler of a single member, given to each of ``count`` members."""
        return Scaler(np.repeat(self.mean, count, axis=0), np.repeat(self.std, count, axis=0))


def fit_scaler(inputs: np.ndarray, training: Sequence[np.ndarray], features: FeatureSet) -> Scaler:
    """Fit one scaler a member.

    A feature that is constant in the training rows says nothing there; it gets the standard deviation 1, which makes it
    0 in training, and is named in the log.

    Args:
        inputs: [row, feature].
        training: positions of the training rows of each member.
        features: tells which columns are the steps of one sequence variable.
    """
    static, steps, variables = features.shape
    group = np.arange(static + steps * variables)  # columns of one group share mean and standard deviation
    for variable in range(variables):
        group[static + variable :: variables] = static + variable
    mean, std = (np.empty((len(training), len(group))) for _ in range(2))
    constant: dict[str, int] = {}
    for member, rows in enumerate(training):
        own = inputs[rows]
        for first in np.unique(group):
            columns = group == first
            values = own[:, columns]
            same = values.min() == values.max()
            mean[member, columns] = values.flat[0] if same else values.mean()
            std[member, columns] = 1.0 if same else values.std()
            if same:
                name = features.columns[first]
                constant[name] = constant.get(name, 0) + 1
    for name, count in constant.items():
        log.warning("feature '%s' is constant in the training rows of %d of %d members", name, count, len(training))
    return Scaler(mean, std)
