"""The loss: one minus Lin's concordance correlation coefficient (Lin 1989), with population variances.

Eq. 1-2 of Widyastuti et al.: rho_c = 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2), loss = 1 - rho_c. Predictions that
follow the observations but lie beside them, or vary too little, are as wrong as those that do not follow.
"""

from __future__ import annotations

import torch
from torch import Tensor


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
