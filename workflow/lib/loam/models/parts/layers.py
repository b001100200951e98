"""Layers that networks of members which are trained side by side need in place of PyTorch's own.

In ``training.engine: stacked`` a step holds rows that only fill a batch up; ``inputs["real"]`` [batch] tells them.
Random numbers come with the inputs too, drawn by the trainer (``draws`` of a network).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015) over the real rows of a batch; as ``torch.nn.BatchNorm1d`` on them.

    Args:
        features: size of dimension 1 of what it is given: [batch, feature] or [batch, feature, ...].
        momentum: of the running statistics, which predictions use.
        epsilon: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.weight, self.bias = nn.Parameter(torch.ones(features)), nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def initialise(self, generator: torch.Generator) -> None:
        """Scale 1 and shift 0."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, values: Tensor, real: Tensor | None = None) -> Tensor:
        """``values`` normalised; ``real`` [batch]: the rows that count (all where there is none)."""
        shape = (1, -1, *(1 for _ in values.shape[2:]))
        mean, variance = self.running_mean, self.running_var
        if self.training:
            over = [place for place in range(values.dim()) if place != 1]
            counts = torch.ones_like(values[:, :1])
            if real is not None:
                counts = counts * real.view(-1, *(1 for _ in values.shape[1:]))
            total = counts.sum()
            mean = (values * counts).sum(over) / total.clamp(min=1)
            variance = ((values - mean.view(shape)).square() * counts).sum(over) / total.clamp(min=1)
            share = self.momentum * (total > 0).to(values.dtype)
            unbiased = variance.detach() * (total / (total - 1).clamp(min=1))
            self.running_mean += share * (mean.detach() - self.running_mean)
            self.running_var += share * (unbiased - self.running_var)
        scale = self.weight / (variance + self.epsilon).sqrt()
        return values * scale.view(shape) + (self.bias - mean * scale).view(shape)
