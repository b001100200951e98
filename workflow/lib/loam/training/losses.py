"""Losses of training, of the values that are observed; each leading dimension (a member) has a loss of its own.

The published one is one minus Lin's concordance correlation coefficient (Lin 1989), with population variances;
Eq. 1-2 of Widyastuti et al.: rho_c = 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2), loss = 1 - rho_c. Predictions that
follow the observations but lie beside them, or vary too little, are as wrong as those that do not follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

HUBER = 0.05  # m3 m-3, where Huber's loss becomes linear
LEAST = {"concordance": 2}  # values of a layer that a loss needs; the others one
WITHIN = ("within_station", "within_station_nll")  # of batches by stations
OUTPUTS = {"gaussian_nll": 2, "within_station_nll": 2}  # outputs a layer; the others one


def concordance(predicted: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
    """Lin's concordance over the second last dimension, of the values where ``mask`` is true.

    Args:
        predicted: [..., row, layer].
        observed: [..., row, layer]; anything, NaN too, where masked.
        mask: [..., row, layer]; true where there is an observation.

    Returns:
        [..., layer], from -1 to 1; 0 where both are constant and equal, or nothing is observed.
    """
    count = mask.sum(-2, keepdim=True).clamp(min=1)

    def deviation(values: Tensor) -> tuple[Tensor, Tensor]:
        values = torch.where(mask, values, 0.0)
        mean = values.sum(-2, keepdim=True) / count
        return torch.where(mask, values - mean, 0.0), mean.squeeze(-2)

    (dx, mean_x), (dy, mean_y) = deviation(predicted), deviation(observed)
    count = count.squeeze(-2)
    covariance = (dx * dy).sum(-2) / count
    spread = (dx.square() + dy.square()).sum(-2) / count + (mean_x - mean_y).square()
    known = spread != 0  # what is not a number stays that
    return torch.where(known, 2 * covariance / torch.where(known, spread, 1.0), 0.0)


def concordance_loss(predicted: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
    """1 - concordance, averaged over the layers that have at least two observed values.

    Args:
        predicted, observed, mask: as for ``concordance``; leading dimensions are members, each with a loss of its own.

    Returns:
        [...]; 0, without gradient, where no layer has two values. What is masked has no gradient.
    """
    usable = mask.sum(-2) >= 2
    loss = torch.where(usable, 1 - concordance(predicted, observed, mask), 0.0)
    return loss.sum(-1) / usable.sum(-1).clamp(min=1)


def mse(predicted: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error, averaged over the layers that have a value; arguments and result as ``concordance_loss``."""
    return _by_layer(_difference(predicted, observed, mask).square(), mask)


def rmse(predicted: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
    """Root of the mean squared error of each layer, averaged over the layers that have a value."""
    squares, usable = _mean(_difference(predicted, observed, mask).square(), mask)
    root = torch.where(squares > 0, squares, 1.0).sqrt()
    return torch.where(usable & (squares > 0), root, squares).sum(-1) / usable.sum(-1).clamp(min=1)


def mae(predicted: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error, averaged over the layers that have a value."""
    return _by_layer(_difference(predicted, observed, mask).abs(), mask)


def huber(predicted: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
    """Huber's loss (1964), quadratic up to ``HUBER`` and linear beyond, averaged over the layers with a value."""
    error = _difference(predicted, observed, mask).abs()
    return _by_layer(torch.where(error < HUBER, 0.5 * error.square(), HUBER * (error - 0.5 * HUBER)), mask)


def gaussian_nll(predicted: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
    """Negative logarithm of a normal density (Nix & Weigend 1994), less its constant, averaged over the layers.

    Args:
        predicted: [..., row, 2 layer]: means, then logarithms of variances.
        observed, mask: as for ``concordance``.
    """
    mean, logarithm = predicted.chunk(2, -1)
    return _by_layer(0.5 * (logarithm + _difference(mean, observed, mask).square() * torch.exp(-logarithm)), mask)


def within_station(
    predicted: Tensor, observed: Tensor, mask: Tensor, *, of_station: Tensor, level_weight: Tensor | float
) -> Tensor:
    """Squared errors about each station's mean error, plus ``level_weight`` times the squares of those means.

    Days of a station are many witnesses of its dynamics and about one of its level: with a random intercept a station,
    error = u + e, this is the deviance of the errors (``docs/explanation/within-station.md``; Laird & Ware 1982).

    Args:
        predicted, observed, mask: as for ``concordance``.
        of_station: [row], a number from 0 for each station of the rows; the same for all leading dimensions.
        level_weight: of the mean square of the stations' mean errors, one number or [...].
    """
    squares, levels, known = _parts(_difference(predicted, observed, mask), mask, of_station)
    (within, usable), (level, _) = _mean(squares, mask), _mean(levels, known)
    return _weighted(within, level, level_weight, usable)


def within_station_nll(
    predicted: Tensor, observed: Tensor, mask: Tensor, *, of_station: Tensor, level_weight: Tensor | float
) -> Tensor:
    """``within_station`` with a variance of the deviations that the network tells, as in ``gaussian_nll``.

    Args:
        predicted: [..., row, 2 layer]: means, then logarithms of variances.
        observed, mask, of_station, level_weight: as for ``within_station``.
    """
    mean, logarithm = predicted.chunk(2, -1)
    squares, levels, known = _parts(_difference(mean, observed, mask), mask, of_station)
    density, usable = _mean(0.5 * (logarithm + squares * torch.exp(-logarithm)), mask)
    return _weighted(density, _mean(levels, known)[0], level_weight, usable)


def _parts(error: Tensor, mask: Tensor, of_station: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Squares of deviations from the station's mean [..., row, layer]; squares of the means [..., station, layer], and
    which of those are known.
    """
    members = torch.nn.functional.one_hot(of_station).to(error.dtype)  # [row, station]
    count = members.T @ mask.to(error.dtype)
    mean = members.T @ error / count.clamp(min=1)
    deviation = torch.where(mask, error - members @ mean, 0.0)
    return deviation.square(), mean.square(), count > 0


def _weighted(within: Tensor, level: Tensor, level_weight: Tensor | float, usable: Tensor) -> Tensor:
    weight = level_weight.unsqueeze(-1) if isinstance(level_weight, Tensor) else level_weight
    return (within + weight * level).sum(-1) / usable.sum(-1).clamp(min=1)


def of_teachers(loss: Loss, predicted: Tensor, observed: Tensor, mask: Tensor, weights: Sequence[float]) -> Tensor:
    """The losses [...] against several teachers, averaged by their weights over those that have any value.

    Args:
        loss: one of the above.
        predicted: [..., row, output].
        observed: [teacher, ..., row, layer].
        mask: likewise.
        weights: [teacher].
    """
    if len(weights) == 1:
        return loss(predicted, observed[0], mask[0])
    losses = torch.stack([loss(predicted, own, known) for own, known in zip(observed, mask, strict=True)])
    weight = mask.any(-1).any(-1) * torch.tensor(weights, dtype=losses.dtype, device=losses.device).view(
        -1, *(1 for _ in losses.shape[1:])
    )
    total = weight.sum(0)
    return (losses * weight).sum(0) / torch.where(total > 0, total, 1.0)


def _difference(predicted: Tensor, observed: Tensor, mask: Tensor) -> Tensor:
    """``predicted`` less ``observed``; 0 where masked, whatever stands there."""
    return torch.where(mask, predicted - torch.where(mask, observed, 0.0), 0.0)


def _mean(errors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over rows [..., layer] of the errors that are not masked, and which layers have any."""
    count = mask.sum(-2)
    return torch.where(mask, errors, 0.0).sum(-2) / count.clamp(min=1), count > 0


def _by_layer(errors: Tensor, mask: Tensor) -> Tensor:
    mean, usable = _mean(errors, mask)
    return mean.sum(-1) / usable.sum(-1).clamp(min=1)
