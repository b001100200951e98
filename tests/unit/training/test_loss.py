"""Concordance against values worked out by hand, and what is not observed has no part in it."""

from __future__ import annotations

import pytest
import torch

from loam.training.loss import concordance, concordance_loss


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def all_of(values):
    return torch.ones_like(values, dtype=torch.bool)


def test_concordance_of_four_pairs_worked_out_by_hand():
    # x 1 2 3 4: mean 2.5, variance 1.25; y 2 2 4 6: mean 3.5, variance 2.75; covariance 1.75
    x, y = column(1, 2, 3, 4), column(2, 2, 4, 6)
    expected = 2 * 1.75 / (1.25 + 2.75 + (2.5 - 3.5) ** 2)
    assert concordance(x, y, all_of(x)).item() == pytest.approx(expected, abs=1e-15)
    assert concordance_loss(x, y, all_of(x)).item() == pytest.approx(1 - expected, abs=1e-15)


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        (column(1, 2, 3), 1.0),
        (column(3, 2, 1), -1.0),
        (column(2, 3, 4), 2 * (2 / 3) / (4 / 3 + 1)),  # a bias of 1 beside a perfect correlation
        (column(2, 4, 6), 2 * (4 / 3) / (2 / 3 + 8 / 3 + 4)),  # twice the amplitude
        (column(5, 5, 5), 0.0),
    ],
)
def test_bias_and_amplitude_count_against_concordance(predicted, expected):
    observed = column(1, 2, 3)
    assert concordance(predicted, observed, all_of(observed)).item() == pytest.approx(expected, abs=1e-15)


def test_what_is_not_observed_has_no_part_in_value_or_gradient():
    generator = torch.Generator().manual_seed(0)
    predicted = torch.rand(6, 1, dtype=torch.float64, generator=generator).requires_grad_()
    observed = torch.rand(6, 1, dtype=torch.float64, generator=generator)
    mask = torch.tensor([True, True, False, True, False, True])[:, None]
    gaps = torch.where(mask, observed, torch.nan)
    loss = concordance_loss(predicted, gaps, mask)
    assert loss.item() == pytest.approx(
        concordance_loss(predicted[mask][:, None], observed[mask][:, None], torch.ones(4, 1, dtype=bool)).item()
    )
    loss.backward()
    assert predicted.grad.isfinite().all()
    assert (predicted.grad[~mask] == 0).all()
    assert (predicted.grad[mask] != 0).all()


def test_a_layer_with_one_value_adds_nothing_to_the_mean_over_layers():
    predicted = torch.tensor([[1.0, 9.0], [2.0, 5.0], [4.0, 1.0]], requires_grad=True)
    observed = torch.tensor([[1.0, 0.0], [3.0, 7.0], [3.0, 0.0]])
    mask = torch.tensor([[True, False], [True, True], [True, False]])
    loss = concordance_loss(predicted, observed, mask)
    alone = concordance_loss(predicted[:, :1], observed[:, :1], mask[:, :1])
    assert loss.item() == alone.item()
    loss.backward()
    assert (predicted.grad[:, 1] == 0).all()


def test_two_layers_weigh_the_same_whatever_their_number_of_values():
    generator = torch.Generator().manual_seed(1)
    predicted, observed = (torch.rand(9, 2, generator=generator) for _ in range(2))
    mask = torch.ones(9, 2, dtype=bool)
    mask[3:, 1] = False
    layers = [concordance_loss(predicted[:, [i]], observed[:, [i]], mask[:, [i]]) for i in range(2)]
    assert concordance_loss(predicted, observed, mask).item() == pytest.approx(sum(layers).item() / 2)


@pytest.mark.parametrize("rows", [0, 1])
def test_without_two_values_there_is_no_loss_and_no_gradient(rows):
    predicted = torch.rand(3, 2, requires_grad=True)
    mask = torch.zeros(3, 2, dtype=bool)
    mask[:rows] = True
    loss = concordance_loss(predicted, torch.where(mask, 0.3, torch.nan), mask)
    loss.backward()
    assert loss.item() == 0
    assert (predicted.grad == 0).all()


def test_constant_and_equal_predictions_give_a_finite_gradient():
    predicted = torch.full((4, 1), 0.25, requires_grad=True)
    loss = concordance_loss(predicted, torch.full((4, 1), 0.25), torch.ones(4, 1, dtype=bool))
    loss.backward()
    assert loss.item() == 1
    assert predicted.grad.isfinite().all()


def test_each_member_has_its_own_loss():
    generator = torch.Generator().manual_seed(2)
    predicted, observed = (torch.rand(3, 8, 2, dtype=torch.float64, generator=generator) for _ in range(2))
    mask = torch.rand(3, 8, 2, generator=generator) < 0.7
    together = concordance_loss(predicted, observed, mask)
    for member in range(3):
        alone = concordance_loss(predicted[member], observed[member], mask[member])
        assert together[member].item() == pytest.approx(alone.item(), abs=1e-15)


def test_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(3)
    predicted = torch.rand(7, 2, dtype=torch.float64, generator=generator).requires_grad_()
    observed = torch.rand(7, 2, dtype=torch.float64, generator=generator)
    mask = torch.rand(7, 2, generator=generator) < 0.8
    assert torch.autograd.gradcheck(lambda values: concordance_loss(values, observed, mask), predicted)
