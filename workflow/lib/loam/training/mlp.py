"""The multilayer perceptron of Widyastuti et al.: dense layers on all features at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from loam.training.dense import DenseNetwork


def build_mlp(settings: Mapping[str, Any], shape: tuple[int, int, int], layers: int) -> DenseNetwork:
    """Dense layers of ``settings["hidden"]`` neurons.

    Args:
        settings: the config's ``training.mlp``.
        shape: number of static features, of steps and of sequence variables.
        layers: number of soil layers.
    """
    static, steps, variables = shape
    return DenseNetwork(nn.Flatten(-2), steps * variables, static, layers, settings)
