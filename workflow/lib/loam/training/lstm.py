"""The LSTM of Widyastuti et al.: a bidirectional LSTM reads the sequence, dense layers its result and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from loam.training.dense import DenseNetwork
from loam.training.recurrent import BidirectionalLstm


def build_lstm(settings: Mapping[str, Any], shape: tuple[int, int, int], layers: int) -> DenseNetwork:
    """Bidirectional LSTM of ``units`` a direction, a dense layer of ``dense`` neurons, then ``hidden`` dense layers.

    Args:
        settings: the config's ``training.lstm``.
        shape: number of static features, of steps and of sequence variables.
        layers: number of soil layers.
    """
    static, _, variables = shape
    units, dense = settings["units"], settings["dense"]
    encoder = nn.Sequential(BidirectionalLstm(variables, units), nn.Linear(2 * units, dense), nn.ReLU())
    return DenseNetwork(encoder, dense, static, layers, settings)
