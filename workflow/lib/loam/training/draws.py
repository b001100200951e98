"""Random numbers that a network needs in training, drawn by the trainer from the member's seed, epoch and step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def draw(seed: int, rate: float, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A mask of dropout (Srivastava et al. 2014): 0 with probability ``rate``, else 1 / (1 - rate).

    A network declares what it needs by a method ``draws()``: of each name among its inputs the rate and the shape of a
    row's mask. Outside training there is none among them.

    Args:
        seed: of this step of this member.
        rate: from 0 to less than 1.
        shape: [row, ...].
        dtype: of the mask.
    """
    kept = torch.rand(tuple(shape), generator=torch.Generator().manual_seed(seed)) >= rate
    return kept.to(dtype) / (1 - rate)


def draws_of(network: nn.Module) -> dict[str, tuple[float, tuple[int, ...]]]:
    """What a network needs drawn: of each name the rate and the shape of a row's mask."""
    draws: Any = getattr(network, "draws", dict)
    return dict(draws())
