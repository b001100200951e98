"""So many members are trained side by side as a step's numbers fit; patches count as what else is read does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from loam.covariates.features import feature_set
from loam.training.memory import CACHE, bytes_of_step, members_at_once

FEATURES = feature_set(
    {
        "static": ["a", "b"], "daily": [], "classes": [], "day_of_year": False,
        "sequence": {"variables": ["v"], "lags": [0, 3]}, "patch": ["elevation", "ndvi", "rain"],
    },
    {"length": 4, "patch": 5},
)  # fmt: skip
NUMBERS = 4 * 5 * 5 * 3  # of a patch


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.output = nn.Linear(NUMBERS, 1, bias=False)

    def forward(self, inputs):
        return self.output(inputs["patch"].flatten(1)).unsqueeze(1)


def test_a_step_keeps_parameters_inputs_and_what_is_saved_for_backward():
    start = {"output.weight": torch.zeros(6, 1, NUMBERS)}
    rows, read = 64, 2 + 4 * 1 + NUMBERS
    expected = 4 * (4 * NUMBERS + rows * read) + 4 * rows * NUMBERS  # a linear layer saves what it read
    assert bytes_of_step(Flat(), start, FEATURES, rows) == expected
    assert members_at_once(Flat(), start, FEATURES, rows, torch.device("cpu")) == CACHE // expected


@pytest.mark.parametrize("rows", [1, 10**9])
def test_one_member_is_trained_however_much_it_keeps(rows):
    start = {"output.weight": torch.zeros(6, 1, NUMBERS)}
    assert (members_at_once(Flat(), start, FEATURES, rows, torch.device("cpu")) == 1) is (rows > 1)
