"""Batch normalisation over the real rows of a batch is PyTorch's on those rows alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from loam.models.parts.layers import BatchNorm

CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def a_norm(features=3, seed=0):
    norm = BatchNorm(features).double()
    with torch.no_grad():
        for own in norm.parameters():
            own.add_(torch.randn(own.shape, generator=torch.Generator().manual_seed(seed)))
    return norm


def pytorch_s(norm, kind=nn.BatchNorm1d):
    theirs = kind(len(norm.weight)).double()
    theirs.load_state_dict(norm.state_dict(), strict=False)
    return theirs


@pytest.mark.parametrize("shape", [(9, 3), (9, 3, 5)])
def test_outputs_gradients_and_running_statistics_are_pytorch_s_on_the_real_rows(shape):
    norm = a_norm()
    theirs = pytorch_s(norm)
    real = torch.tensor([True] * 6 + [False] * 3)
    for seed in range(3):  # statistics run on
        generator = torch.Generator().manual_seed(seed)
        values = torch.randn(shape, dtype=torch.float64, generator=generator)
        values[~real] = 1e6
        ours, expected = norm(values, real)[real], theirs(values[real])
        torch.testing.assert_close(ours, expected, **CLOSE)
        weights = torch.randn(expected.shape, dtype=torch.float64, generator=generator)
        for name, own in zip(("weight", "bias"), torch.autograd.grad((ours * weights).sum(), norm.parameters()),
                             strict=True):  # fmt: skip
            (other,) = torch.autograd.grad((expected * weights).sum(), getattr(theirs, name), retain_graph=True)
            torch.testing.assert_close(own, other, **CLOSE)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(norm, name), getattr(theirs, name), **CLOSE)
    norm.eval(), theirs.eval()
    before = norm.running_mean.clone()
    torch.testing.assert_close(norm(values, real), theirs(values), **CLOSE)
    assert torch.equal(norm.running_mean, before), "predictions change nothing"


def test_all_rows_count_where_none_is_told():
    norm, values = a_norm(), torch.randn(7, 3, dtype=torch.float64)
    torch.testing.assert_close(norm(values), pytorch_s(a_norm())(values), **CLOSE)


def test_members_side_by_side_have_each_their_own_statistics():
    norms = [a_norm(seed=seed) for seed in range(3)]
    state = {name: torch.stack([norm.state_dict()[name] for norm in norms]) for name in norms[0].state_dict()}
    values = torch.randn(3, 8, 3, dtype=torch.float64)
    out = vmap(lambda own, rows: functional_call(norms[0], own, (rows,)))(state, values)
    for member, norm in enumerate(norms):
        torch.testing.assert_close(out[member], norm(values[member]), **CLOSE)
        torch.testing.assert_close(state["running_var"][member], norm.running_var, **CLOSE)
    assert not torch.equal(state["running_mean"][0], state["running_mean"][1])


def test_a_batch_without_a_real_row_changes_no_statistics():
    norm = a_norm()
    out = norm(torch.full((4, 3), 1e6, dtype=torch.float64), torch.zeros(4, dtype=torch.bool))
    assert out.isfinite().all()
    assert torch.equal(norm.running_mean, torch.zeros(3)) and torch.equal(norm.running_var, torch.ones(3))
