"""The multilayer perceptron of Widyastuti et al.: dense layers on all features at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from loam.models.parts.dense import DenseNetwork
from loam.models.parts.shape import Shape

SETTINGS = {
    "hidden": {"default": [128, 64, 32, 16], "least": 1, "about": "neurons of the hidden layers"},
    "activation": {"default": "relu", "among": ["relu", "silu"], "about": "what follows each hidden layer"},
    "output": {"default": "linear", "among": ["logistic", "linear", "scaled"],
               "about": "what the last layer passes through; scaled: times the standard deviation of the training "
                        "rows' moisture, plus its mean; what is predicted outside 0 to 1 m3 m-3 becomes the bound "
                        "either way"},
    "frozen": {"default": 3, "least": 0,
               "about": "so many of the first hidden layers stay as pretrained when fine-tuning"},
}  # fmt: skip


class Network(DenseNetwork):
    """Dense layers of ``settings["hidden"]`` neurons."""

    def __init__(self, settings: Mapping[str, Any], shape: Shape) -> None:
        super().__init__(nn.Flatten(-2), shape.steps * shape.variables, shape.static, shape.outputs, settings)
