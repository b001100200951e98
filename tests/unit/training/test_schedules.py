"""The learning rate's factor, epoch by epoch, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from loam.config.models import SCHEDULES
from loam.training.schedules import factor_of

COSINE = {"name": "cosine", "least": 0.1}
ONE_CYCLE = {"name": "one_cycle", "rise": 0.3, "first": 0.04, "last": 0.002}
TRIANGULAR = {"name": "triangular", "period": 4, "least": 0.2}


@pytest.mark.parametrize(
    ("schedule", "epoch", "expected"),
    [
        ({"name": "constant"}, 0, 1.0), ({"name": "constant"}, 7.5, 1.0),
        (COSINE, 0, 1.0), (COSINE, 5, 0.55), (COSINE, 10, 0.1), (COSINE, 12, 0.1),
        (COSINE, 2.5, 0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2),
        (ONE_CYCLE, 0, 0.04), (ONE_CYCLE, 1.5, 0.52), (ONE_CYCLE, 3, 1.0), (ONE_CYCLE, 6.5, 0.501),
        (ONE_CYCLE, 10, 0.002), (ONE_CYCLE, 1.0, 0.04 + 0.96 * (1 - 0.5) / 2),  # cos(pi / 3) is a half
        (TRIANGULAR, 0, 0.2), (TRIANGULAR, 1, 0.6), (TRIANGULAR, 2, 1.0), (TRIANGULAR, 3, 0.6), (TRIANGULAR, 4, 0.2),
        (TRIANGULAR, 4.5, 0.4),
    ],
)  # fmt: skip
def test_a_factor_is_that_worked_out_by_hand(schedule, epoch, expected):
    assert factor_of(schedule, epoch, 10) == pytest.approx(expected, abs=1e-12)


def test_every_schedule_of_the_config_moves_the_rate_but_the_constant_one():
    for name, parameters in SCHEDULES.items():
        factors = {factor_of({"name": name, **parameters}, epoch / 4, 10) for epoch in range(41)}
        assert (len(factors) > 1) == (name != "constant"), name
        assert 0 <= min(factors) <= max(factors) <= 1, name
