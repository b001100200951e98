"""Networks built by the names that the config gives them, and their weights drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from loam.plugins import load
from loam.training.dense import DenseNetwork, initialise
from loam.training.network_names import network_of


def build_network(model: str, settings: Mapping[str, Any], shape: tuple[int, int, int], layers: int) -> DenseNetwork:
    """The network ``model``, its weights not yet drawn.

    Args:
        model: name in the config's ``training.models``.
        settings: the config's ``training.<model>``.
        shape: number of static features, of steps and of sequence variables (``FeatureSet.shape``).
        layers: number of soil layers.
    """
    return load(network_of(model))(settings, shape, layers)


def draw_parameters(network: DenseNetwork, seeds: Sequence[int]) -> dict[str, Tensor]:
    """New weights for one member a seed: parameters by name, members first."""
    drawn = []
    for seed in seeds:
        initialise(network, torch.Generator().manual_seed(seed))
        drawn.append({name: tensor.detach().clone() for name, tensor in network.named_parameters()})
    return {name: torch.stack([parameters[name] for parameters in drawn]) for name in drawn[0]}
