"""Which batches have a loss: those in which a teacher tells enough of the days that are answered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from series import features_of_shape, series_of_inputs

from loam.config.models import resolve_model
from loam.samples.windows import Windows
from loam.training.targets import Targets
from loam.training.training_settings import training_settings

TRAINING = {"learning_rate": 0.01, "batch_size": 4, "epochs": 1, "patience": 1}


@pytest.mark.parametrize("answers", ["last", "every"])
@pytest.mark.parametrize("loss", ["mse", "concordance"])
def test_a_batch_has_a_loss_where_a_teacher_tells_enough_of_the_days_that_are_answered(answers, loss):
    generator = np.random.default_rng(3)
    series = series_of_inputs(generator.normal(size=(9, 8)), generator.uniform(size=(9, 2)), (2, 3, 2))
    said = generator.uniform(0.1, 0.4, (2, *series.moisture.shape[1:]))
    said[generator.random(said.shape) < 0.7] = np.nan
    said[0, :, -1, 0] = 0.2  # rows are the last days, whatever lacks before
    series = replace(series, moisture=said, teachers=["a", "b"], weights=[1.0, 1.0])
    windows = Windows(series, features_of_shape((2, 3, 2)), ["l0", "l1"], "target")
    settings = training_settings(resolve_model("mlp", TRAINING | {"loss": loss}) | {"answers": answers})
    targets = Targets(windows, settings, "cpu", torch.float64)
    index, real = generator.integers(0, len(windows), (3, 40, 4)), generator.random((3, 40, 4)) < 0.3
    least = 2 if loss == "concordance" else 1
    lags = [2, 1, 0] if answers == "every" else [0]
    expected = np.zeros((3, 40), bool)
    for batch in np.ndindex(3, 40):
        days = [(windows.station[row], windows.day[row] - lag) for row in index[batch][real[batch]] for lag in lags]
        for teacher in series.moisture:
            told = np.array([np.isfinite(teacher[day]) for day in days]).reshape(-1, 2).sum(0)
            expected[batch] |= (told >= least).any()
    assert (targets.enough(index, real) == expected).all()
    assert 0.1 < expected.mean() < 0.95
