"""Networks of loam's models, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from loam.config.models import network_of
from loam.training.networks import build_networks


def a_network(model: str, settings: Mapping[str, Any], shape: Sequence[int], layers: int) -> nn.Module:
    """The network of a model, its weights not yet drawn; ``shape``: static features, steps, variables."""
    (network,) = build_networks(network_of(model), settings, {}, shape, layers, "concordance")
    return network
