"""Optimisers of members."""

from __future__ import annotations

import sys

import pytest
import torch

from loam.training.optimisers import KINDS, Optimiser
from loam.training.training_settings import TrainingSettings


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimiser_moves_as_pytorch_s_without_importing_its_compiler(kind, monkeypatch):
    start, gradients = torch.linspace(-1, 1, 48), torch.linspace(2, -1, 96).reshape(2, 48)
    plain = start.clone().requires_grad_()
    theirs = KINDS[kind][0].__base__([plain], lr=0.01, **KINDS[kind][1])
    for gradient in gradients:
        plain.grad = gradient.clone()
        theirs.step()
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # importing it fails
    moved = start.clone().requires_grad_()
    ours = Optimiser(TrainingSettings(0.01, 8, 1, 1, optimiser=kind), [[moved]])
    for gradient in gradients:
        moved.grad = gradient.clone()
        ours.step([0.0])
    assert torch.equal(moved, plain) and moved.requires_grad


def test_members_of_one_rate_move_as_each_alone_and_one_without_a_gradient_stays():
    settings = TrainingSettings(
        0.01, 8, 2, 1, batch={"stations": 2, "rows": 4}, steps=100,
        schedule={"name": "cosine", "warm_up": 0.1, "least": 0.0},
    )  # fmt: skip
    starts = [torch.linspace(-1, 1, 48) * number for number in (1, 2, 3)]
    together = [start.clone().requires_grad_() for start in starts]
    optimiser = Optimiser(settings, [[member] for member in together])
    for epoch in (0.1, 0.5):
        for member in together[:2]:
            member.grad = member.detach() * epoch
        optimiser.step([epoch] * 3)
    alone = starts[1].clone().requires_grad_()
    single = Optimiser(settings, [[alone]])
    for epoch in (0.1, 0.5):
        alone.grad = alone.detach() * epoch
        single.step([epoch])
    assert torch.equal(together[1], alone) and not torch.equal(alone, starts[1])
    assert torch.equal(together[2], starts[2])
