"""The networks by the names that the config gives them. A new one is a file with a builder, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from loam.errors import ConfigError
from loam.training.dense import DenseNetwork, initialise
from loam.training.lstm import build_lstm
from loam.training.mlp import build_mlp

NETWORKS: dict[str, Callable[[Mapping[str, Any], tuple[int, int, int], int], DenseNetwork]] = {
    "mlp": build_mlp,
    "lstm": build_lstm,
}


def build_network(model: str, settings: Mapping[str, Any], shape: tuple[int, int, int], layers: int) -> DenseNetwork:
    """The network ``model``, its weights not yet drawn.

    Args:
        model: name in the config's ``training.models``.
        settings: the config's ``training.<model>``.
        shape: number of static features, of steps and of sequence variables (``FeatureSet.shape``).
        layers: number of soil layers.
    """
    if model not in NETWORKS:
        raise ConfigError(
            f"no network '{model}'", where="config key 'training.models'", expected=f"one of {[*NETWORKS]}"
        )
    return NETWORKS[model](settings, shape, layers)


def draw_parameters(network: DenseNetwork, seeds: Sequence[int]) -> dict[str, Tensor]:
    """New weights for one member a seed: parameters by name, members first."""
    drawn = []
    for seed in seeds:
        initialise(network, torch.Generator().manual_seed(seed))
        drawn.append({name: tensor.detach().clone() for name, tensor in network.named_parameters()})
    return {name: torch.stack([parameters[name] for parameters in drawn]) for name in drawn[0]}
