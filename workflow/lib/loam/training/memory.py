"""How many members are trained side by side: as many as one step's numbers fit."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor, nn

from loam.covariates.features import FeatureSet
from loam.training.draws import draws_of

CACHE = 96 * 2**20  # bytes on a processor; what more members read outgrows its cache
SHARE_OF_GPU = 0.5  # of the free memory
FEW = 8  # rows that a network is asked with
COPIES = 4  # of a parameter: itself, its gradient and two moments


def members_at_once(
    network: nn.Module,
    start: Mapping[str, Tensor],
    features: FeatureSet,
    rows: int,
    device: torch.device,
    extras: int = 0,
) -> int:
    """So many members keep what a training step reads and writes within a cache, or a GPU's memory; at least one.

    Args:
        network: the members' network.
        start: parameters [member, ...].
        features: what it reads.
        rows: of a step.
        device: where they are trained.
        extras: inputs behind the features.
    """
    room = CACHE if device.type == "cpu" else int(SHARE_OF_GPU * torch.cuda.mem_get_info(device)[0])
    return max(1, room // bytes_of_step(network, start, features, rows, extras))


def bytes_of_step(
    network: nn.Module, start: Mapping[str, Tensor], features: FeatureSet, rows: int, extras: int = 0
) -> int:
    """Bytes in single precision that one member's step keeps: parameters, moments, inputs, what is saved for backward.

    A copy of the network is asked with a few rows; what it saves grows with them.
    """
    steps, size, bands = features.patch_shape
    static, *sequence = features.shape
    shapes = {"static": (static + extras,), "sequence": sequence} | (
        {"patch": (steps, size, size, bands)} if bands else {}
    )
    network = copy.deepcopy(network).float().train()
    for own in (*network.parameters(), *network.buffers()):
        own.data.zero_()
    inputs = {
        **{name: torch.zeros(FEW, *own) for name, own in shapes.items()},
        "real": torch.ones(FEW, dtype=torch.bool),
        **{name: torch.zeros(FEW, *own) for name, (_, own) in draws_of(network).items()},
    }  # fmt: skip
    weights = {own.untyped_storage().data_ptr() for own in network.parameters()}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        kept = network(inputs)  # as long as it lives, no storage is used again
    numbers = sum(prod(tensor.shape[1:]) for tensor in start.values())
    del kept
    return 4 * (COPIES * numbers + rows * sum(map(prod, shapes.values()))) + sum(saved.values()) * rows // FEW
