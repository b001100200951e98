"""The LSTM of Widyastuti et al.: a bidirectional LSTM reads the sequence, dense layers its result and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from loam.models.parts.dense import DenseNetwork
from loam.models.parts.recurrent import Lstm
from loam.models.parts.shape import Shape

SETTINGS = {
    "units": {"default": 64, "least": 1, "about": "units a direction"},
    "dense": {"default": 100, "least": 1, "about": "neurons of the dense layer after the LSTM"},
    "hidden": {"default": [128, 64, 32, 16], "least": 1, "about": "neurons of the hidden layers"},
    "activation": {"default": "relu", "among": ["relu", "silu"], "about": "what follows each hidden layer"},
    "output": {"default": "linear", "among": ["logistic", "linear", "scaled"],
               "about": "what the last layer passes through; scaled: times the standard deviation of the training "
                        "rows' moisture, plus its mean; what is predicted outside 0 to 1 m3 m-3 becomes the bound "
                        "either way"},
    "frozen": {"default": 3, "least": 0,
               "about": "so many of the first hidden layers stay as pretrained when fine-tuning"},
}  # fmt: skip
MODEL = {"reads": "sequence"}


class Network(DenseNetwork):
    """LSTM of ``units`` a direction, a dense layer of ``dense`` neurons, then ``hidden`` dense layers."""

    def __init__(self, settings: Mapping[str, Any], shape: Shape) -> None:
        units, dense = settings["units"], settings["dense"]
        encoder = nn.Sequential(Lstm(shape.variables, units, directions=2), nn.Linear(2 * units, dense), nn.ReLU())
        super().__init__(encoder, dense, shape.static, shape.outputs, settings)
