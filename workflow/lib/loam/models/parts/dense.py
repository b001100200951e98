"""What most networks of loam have in common: an encoder of the sequence, then dense layers (Widyastuti et al.).

    encoded = encoder(sequence)                 everything that depends on the coarse, modelled moisture
    hidden  = dense layers([encoded, static])   ReLU, or SiLU, after each
    output  = linear(hidden)                    one moisture a layer of soil, or its logistic function, or scaled

The first dense layer is linear in what it reads, so the part that reads ``encoded`` can be computed once a coarse cell
and added to the part that reads a pixel's own features: ``of_cell``, ``of_pixel``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALL = 0.1  # of the last weights where the output is scaled


class DenseNetwork(nn.Module):
    """Encoder and dense layers.

    Args:
        encoder: module from the sequence [batch, step, variable] to [batch, encoded].
        encoded: width of what the encoder returns.
        static: number of static features.
        outputs: numbers that it answers with.
        settings: ``hidden``, neurons of the hidden layers; ``activation``, ``relu`` or ``silu`` (Elfwing et al. 2018);
            ``output``: ``linear``, ``logistic``, or ``scaled``: shift + scale x linear, where the trainer sets the
            buffers ``output_shift`` and ``output_scale`` to mean and standard deviation of the training rows' moisture,
            and the last weights are drawn ten times smaller, so that training begins near that mean.
    """

    def __init__(
        self, encoder: nn.Module, encoded: int, static: int, outputs: int, settings: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.encoded = encoded
        widths = [encoded + static, *settings["hidden"]]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths, widths[1:], strict=False))
        self.output = nn.Linear(widths[-1], outputs)
        self.logistic = settings["output"] == "logistic"
        self.silu = settings.get("activation") == "silu"
        self.scaled = settings["output"] == "scaled"
        if self.scaled:
            self.register_buffer("output_shift", torch.zeros(outputs))
            self.register_buffer("output_scale", torch.ones(outputs))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Moisture of the last day [batch, 1, layer], m3 m-3, from ``static`` and ``sequence``."""
        encoded = self.encoder(inputs["sequence"])
        return self._finish(self.hidden[0](torch.cat([encoded, inputs["static"]], -1))).unsqueeze(-2)

    def of_cell(self, sequence: Tensor) -> Tensor:
        """The sequence's part of the first hidden layer before its activation, [cell, neuron], bias included."""
        first = cast(nn.Linear, self.hidden[0])
        return functional.linear(self.encoder(sequence), first.weight[:, : self.encoded], first.bias)

    def of_pixel(self, static: Tensor, cell: Tensor) -> Tensor:
        """Moisture [pixel, 1, layer] from a pixel's static features and its cell's part [pixel, neuron]."""
        first = functional.linear(static, cast(nn.Linear, self.hidden[0]).weight[:, self.encoded :])
        return self._finish(first.add_(cell)).unsqueeze(-2)

    def freezes(self, count: int) -> list[str]:
        """Names of the parameters of the first ``count`` hidden layers, which fine-tuning leaves as they are."""
        return [f"hidden.{index}.{name}" for index in range(count) for name in ("weight", "bias")]

    def initialise_last(self) -> None:
        """Make the freshly drawn last weights small where the output is scaled."""
        if self.scaled:
            self.output.weight.mul_(SMALL)

    def _finish(self, first: Tensor) -> Tensor:
        if self.silu:
            state = functional.silu(first)
            for layer in self.hidden[1:]:
                state = functional.silu(layer(state))
        else:
            state = first.relu()
            for layer in self.hidden[1:]:
                state = layer(state).relu_()
        return self.finished(self.output(state))

    def finished(self, moisture: Tensor) -> Tensor:
        """What the last layer gives [..., layer], passed through what ``output`` names."""
        if self.scaled:
            return cast(Tensor, self.output_shift) + cast(Tensor, self.output_scale) * moisture
        return moisture.sigmoid() if self.logistic else moisture
