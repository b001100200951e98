"""What all networks of loam have in common: an encoder of the sequence, then dense layers (Widyastuti et al.).

    encoded = encoder(sequence)                 everything that depends on the coarse, modelled moisture
    hidden  = dense layers([encoded, static])   ReLU after each
    output  = linear(hidden)                    one moisture a layer of soil, or its logistic function

The first dense layer is linear in what it reads, so the part that reads ``encoded`` can be computed once a coarse cell
and added to the part that reads a pixel's own features: ``encode``, ``read_encoded``, ``read_static``, ``finish``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class DenseNetwork(nn.Module):
    """Encoder and dense layers; takes ``static`` [batch, feature] and ``sequence`` [batch, step, variable].

    Args:
        encoder: module from the sequence to [batch, encoded].
        encoded: width of what the encoder returns.
        static: number of static features.
        layers: number of soil layers.
        settings: ``hidden``, neurons of the hidden layers, and ``output``: ``linear`` or ``logistic``.
    """

    def __init__(self, encoder: nn.Module, encoded: int, static: int, layers: int, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.encoder = encoder
        self.encoded = encoded
        widths = [encoded + static, *settings["hidden"]]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths, widths[1:], strict=False))
        self.output = nn.Linear(widths[-1], layers)
        self.logistic = settings["output"] == "logistic"

    def forward(self, static: Tensor, sequence: Tensor) -> Tensor:
        """Moisture [batch, layer], m3 m-3."""
        return self.finish(self.hidden[0](torch.cat([self.encode(sequence), static], -1)))

    def encode(self, sequence: Tensor) -> Tensor:
        """What the dense layers read of the sequence, [batch, encoded]."""
        return self.encoder(sequence)

    def read_encoded(self, encoded: Tensor) -> Tensor:
        """The encoder's part of the first hidden layer before its activation, [batch, neuron], bias included."""
        return functional.linear(encoded, self.hidden[0].weight[:, : self.encoded], self.hidden[0].bias)

    def read_static(self, static: Tensor) -> Tensor:
        """The static features' part of the first hidden layer before its activation, [batch, neuron]."""
        return functional.linear(static, self.hidden[0].weight[:, self.encoded :])

    def finish(self, first: Tensor) -> Tensor:
        """Moisture [batch, layer] from the first hidden layer before its activation, [batch, neuron]."""
        state = first.relu()
        for layer in self.hidden[1:]:
            state = layer(state).relu_()
        moisture = self.output(state)
        return moisture.sigmoid() if self.logistic else moisture

    def frozen_parameters(self, count: int) -> list[str]:
        """Names of the parameters of the first ``count`` hidden layers, which fine-tuning leaves as they are."""
        return [f"hidden.{index}.{name}" for index in range(count) for name in ("weight", "bias")]


def bounded(output: Tensor) -> Tensor:
    """``output`` as a prediction: a share of a volume lies in 0 to 1, and what lies outside becomes the bound."""
    return output.clamp(0, 1)


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw new weights: Glorot uniform and zero bias for dense layers (Glorot & Bengio 2010).

    These are the defaults of Keras; the method's text names neither framework nor initialisation. A module
    with an ``initialise`` of its own draws its own weights.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                nn.init.zeros_(module.bias)
            elif hasattr(module, "initialise"):
                module.initialise(generator)
