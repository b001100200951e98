"""Schedules of the learning rate: its factor after a share of the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def factor_of(schedule: Mapping[str, Any], epoch: float, epochs: float) -> float:
    """The learning rate's factor.

    Args:
        schedule: ``name`` and its parameters (``loam.config.models.SCHEDULES``): ``constant``; ``cosine`` from 1 to
            ``least`` (Loshchilov & Hutter 2017), times a line from 0 to 1 in the share ``warm_up`` of the epochs;
            ``one_cycle`` from ``first`` to 1 in the share ``rise`` of the epochs
            and on to ``last``, both as a half cosine (Smith & Topin 2018); ``triangular``, a line from ``least`` to 1
            and back every ``period`` epochs (Smith 2017).
        epoch: epochs that are done, with the part of the one under way.
        epochs: of the whole training, at most.
    """
    name, share = schedule["name"], min(epoch / epochs, 1.0)
    if name == "cosine":
        rising = min(share / schedule["warm_up"], 1.0) if schedule.get("warm_up") else 1.0
        return rising * _between(1.0, schedule["least"], share)
    if name == "one_cycle":
        rise = schedule["rise"]
        if share < rise:
            return _between(schedule["first"], 1.0, share / rise)
        return _between(1.0, schedule["last"], (share - rise) / max(1 - rise, 1e-12))
    if name == "triangular":
        place = epoch / schedule["period"] % 1
        return schedule["least"] + (1 - schedule["least"]) * (1 - abs(2 * place - 1))
    return 1.0


def _between(first: float, last: float, share: float) -> float:
    """Half a cosine from ``first`` to ``last``."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
