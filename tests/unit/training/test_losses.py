"""Losses against values worked out by hand, and what is not observed has no part in them."""

from __future__ import annotations

import math

import pytest
import torch

from loam.training.losses import concordance, concordance_loss, gaussian_nll, huber, mae, mse, of_teachers, rmse


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


# Layer 0 is off by .10 and -.04, layer 1 by .30; what is masked is far off, or no number; layer 2 is not observed.
PREDICTED = torch.tensor([[0.30, 0.40, 9.0], [0.20, 0.10, 9.0], [0.10, 0.50, 9.0]], dtype=torch.float64)
OBSERVED = torch.tensor([[0.20, torch.nan, 0.0], [0.24, torch.nan, 0.0], [7.00, 0.20, torch.nan]], dtype=torch.float64)
MASK = torch.tensor([[True, False, False], [True, False, False], [False, True, False]])
LOGARITHMS = torch.log(torch.tensor([[0.01, 1.0, 1.0], [0.04, 1.0, 1.0], [1.0, 0.09, 1.0]], dtype=torch.float64))
BY_HAND = [
    (mse, ((0.01 + 0.0016) / 2 + 0.09) / 2),
    (rmse, (0.0058**0.5 + 0.30) / 2),
    (mae, ((0.10 + 0.04) / 2 + 0.30) / 2),
    (huber, ((0.05 * (0.10 - 0.025) + 0.5 * 0.04**2) / 2 + 0.05 * (0.30 - 0.025)) / 2),
    (gaussian_nll, ((0.5 * (math.log(0.01) + 1) + 0.5 * (math.log(0.04) + 0.04)) / 2 + 0.5 * (math.log(0.09) + 1)) / 2),
]
EACH = pytest.mark.parametrize(("loss", "expected"), BY_HAND, ids=[loss.__name__ for loss, _ in BY_HAND])


def outputs_for(loss, predicted=PREDICTED, logarithms=LOGARITHMS):
    """What a network answers: means, and for the normal density the logarithms of variances after them."""
    return torch.cat([predicted, logarithms], -1) if loss is gaussian_nll else predicted


@EACH
def test_a_loss_is_that_worked_out_by_hand_averaged_over_the_layers_with_a_value(loss, expected):
    assert loss(outputs_for(loss), OBSERVED, MASK).item() == pytest.approx(expected, abs=1e-14)


@EACH
def test_what_is_masked_has_no_gradient_and_the_rest_that_of_finite_differences(loss, expected):
    outputs = outputs_for(loss).clone().requires_grad_()
    loss(outputs, OBSERVED, MASK).backward()
    known = MASK.repeat(1, outputs.shape[1] // 3)
    assert (outputs.grad[~known] == 0).all()
    assert (outputs.grad[:, :3][MASK] != 0).all()
    assert torch.autograd.gradcheck(lambda values: loss(values, OBSERVED, MASK), outputs)


@EACH
def test_members_have_each_their_own_loss_and_one_without_a_value_none(loss, expected):
    outputs = torch.stack([outputs_for(loss)] * 2).requires_grad_()
    mask = torch.stack([MASK, torch.zeros_like(MASK)])
    losses = loss(outputs, torch.stack([OBSERVED] * 2), mask)
    assert losses.tolist() == pytest.approx([expected, 0.0], abs=1e-14)
    losses.sum().backward()
    assert outputs.grad.isfinite().all() and (outputs.grad[1] == 0).all() and (outputs.grad[0] != 0).any()


def test_the_root_of_no_error_has_a_finite_gradient():
    predicted = torch.full((4, 2), 0.25, requires_grad=True)
    loss = rmse(predicted, torch.full((4, 2), 0.25), torch.ones(4, 2, dtype=bool))
    loss.backward()
    assert loss.item() == 0 and predicted.grad.isfinite().all()


def test_the_normal_density_is_pytorch_s_but_for_its_constant():
    normal = torch.distributions.Normal(PREDICTED[:, 0], LOGARITHMS[:, 0].exp().sqrt())
    expected = -normal.log_prob(OBSERVED[:, 0])[:2].mean() - 0.5 * math.log(2 * math.pi)
    outputs = torch.stack([PREDICTED[:, 0], LOGARITHMS[:, 0]], 1)
    assert gaussian_nll(outputs, OBSERVED[:, :1], MASK[:, :1]).item() == pytest.approx(expected.item(), abs=1e-14)


def test_teachers_weigh_as_they_are_told_and_one_without_a_value_not():
    other = torch.full_like(OBSERVED, 0.3)
    observed = torch.stack([OBSERVED, other])
    everything = torch.ones_like(MASK)
    first, second = mse(PREDICTED, OBSERVED, MASK), mse(PREDICTED, other, everything)
    assert first.item() != pytest.approx(second.item())
    both = of_teachers(mse, PREDICTED, observed, torch.stack([MASK, everything]), [1.0, 0.25])
    assert both.item() == pytest.approx((first.item() + 0.25 * second.item()) / 1.25, abs=1e-14)
    silent = torch.stack([MASK, torch.zeros_like(MASK)])
    assert of_teachers(mse, PREDICTED, observed, silent, [1.0, 0.25]).item() == pytest.approx(first.item(), abs=1e-14)
    assert of_teachers(mse, PREDICTED, observed, silent & False, [1.0, 0.25]).item() == 0
    assert of_teachers(mse, PREDICTED, observed[:1], silent[:1], [0.5]).item() == first.item()


def test_teachers_of_members_are_each_member_s_own():
    observed, mask = torch.stack([OBSERVED, OBSERVED + 0.1]), torch.stack([MASK, MASK])
    members = torch.stack([PREDICTED, PREDICTED + 0.05])
    apart = [of_teachers(mae, own, observed, mask, [0.3, 0.7]).item() for own in members]
    pairs = (part.unsqueeze(1).expand(2, 2, 3, 3) for part in (observed, mask))
    assert of_teachers(mae, members, *pairs, [0.3, 0.7]).tolist() == pytest.approx(apart, abs=1e-14)
