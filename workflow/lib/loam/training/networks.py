"""Networks as a model's file builds them: one, or those of a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from loam.config.models import combinations
from loam.models.parts.shape import Shape
from loam.plugins import load
from loam.training.losses import OUTPUTS

NO_PATCH = (0, 0, 0)


def build_networks(
    plugin: str, settings: Mapping[str, Any], family: Mapping[str, list[Any]], shape: Sequence[int], layers: int,
    loss: str, patch: Sequence[int] = NO_PATCH, seeds: int = 1,
) -> list[nn.Module]:  # fmt: skip
    """The networks of a model, their weights not yet drawn; several where it is a family.

    Args:
        plugin: where its class stands (``loam.config.models.network_of``).
        settings: of the model.
        family: values of some settings, of which each combination is a network.
        shape: number of static features, of steps and of sequence variables.
        layers: number of soil layers.
        loss: name of the loss; some ask for more than one output a layer.
        patch: number of a patch's steps, of its pixels a side and of its bands.
        seeds: networks of each combination, which differ by what they draw.
    """
    static, steps, variables = shape
    sizes = Shape(static, max(steps, patch[0]), variables, layers * OUTPUTS.get(loss, 1), *patch[1:])
    return [load(plugin)({**settings, **own}, sizes) for own in combinations(family) for _ in range(seeds)]


def names_of(family: Mapping[str, list[Any]], seeds: int = 1) -> list[str]:
    """What the networks of a model are called, such as ``depth=2,width=16`` and ``seed=3``; one empty name where there
    is one.
    """
    drawn: list[dict[str, Any]] = [{"seed": seed} for seed in range(1, seeds + 1)] if seeds > 1 else [{}]
    return [
        ",".join(f"{key}={value}" for key, value in {**own, **more}.items())
        for own in combinations(family) for more in drawn
    ]  # fmt: skip


def frozen_of(network: nn.Module, settings: Mapping[str, Any]) -> list[str]:
    """Names of the parameters that fine-tuning leaves as they are: what the network ``freezes`` of ``frozen``."""
    count = settings.get("frozen", 0)
    freezes: Any = getattr(network, "freezes", None)
    return list(freezes(count)) if count and freezes else []
