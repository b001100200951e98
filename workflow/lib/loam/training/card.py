"""What is known about trained members, and the way back from files to networks.

``weights.safetensors`` holds every parameter stacked over the members, [member, ...]. ``card.json`` beside it says how
to read them and where they come from:

    model, scenario, protocol (null: source), layers, features (columns, in the network's order), shape (static
    features, steps, variables), network (its settings), training (its settings), frozen (parameters that were not
    trained), scaling, data (SHA-256 of the samples that were read, by domain), seed, device, versions,
    range (minimum and maximum of each feature, least and greatest total of each class covariate's columns, over all
        rows that any member has learned from: source, its training rows; target, those of all folds, so that a
        station held out in one fold counts by the others; transfer, those of all folds and the pretrained network's.
        One box for the model, because its map is the mean over all members: outside it no member has been),
    members, in the order of the weights:
        fold (0: source), size and draw of the fold, training_rows, validation_rows, test_rows,
        days (of each role, training, validation and test: the stations, and of each station first and last day of its
            spans of rows in that role), seed,
        scaler (mean and std of each feature), best_epoch, best_validation_loss, epochs
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from loam.errors import NONSENSE, ConfigError, TableError, naming
from loam.io.atomic import atomic_path, write_text
from loam.training.dense import DenseNetwork
from loam.training.network_names import NETWORKS
from loam.training.networks import build_network


@dataclass(frozen=True)
class Members:
    """Trained members of one network.

    Args:
        network: their network; its own weights are of no meaning.
        parameters: by name, [member, ...].
        mean: of each feature in each member's scaler, [member, feature], float64; order of ``card["features"]``.
        std: standard deviation, likewise.
        card: what is known about them.
    """

    network: DenseNetwork
    parameters: dict[str, Tensor]
    mean: Tensor
    std: Tensor
    card: dict[str, Any]

    def __len__(self) -> int:
        return len(self.mean)

    def network_of(self, place: int) -> DenseNetwork:
        """The network of the member at ``place``, with its weights, for inputs scaled with its mean and std."""
        network = copy.deepcopy(self.network)
        network.load_state_dict({name: tensor[place] for name, tensor in self.parameters.items()})
        return network.eval().requires_grad_(False)

    def check(self, features: list[str], layers: list[str]) -> None:
        """Raise a ConfigError unless the members read ``features`` and predict ``layers``, in this order."""
        for what, trained, wanted in (
            ("features", self.card["features"], features),
            ("layers", self.card["layers"], layers),
        ):
            if trained != wanted:
                difference = sorted(set(trained) ^ set(wanted)) or ["the order"]
                raise ConfigError(
                    f"the {what} are not those of this run; they differ in {', '.join(difference)}",
                    where=f"card of {self.card['model']} {self.card['scenario']}",
                    expected=f"{len(wanted)} {what}: {', '.join(wanted)}", fix="rerun its training",
                )  # fmt: skip


def load_members(weights: str | Path, card: str | Path) -> Members:
    """Read members from their two files.

    Raises:
        TableError: a file cannot be read, the two do not belong together, or a scaler, the range or a parameter holds
            what is no number.
    """
    again = "rerun the training"
    with naming(TableError, "cannot be read", where=card, fix=again):
        content = json.loads(Path(card).read_text(encoding="utf-8"))
    try:
        parameters = load_file(weights)
    except (SafetensorError, *NONSENSE) as error:
        raise TableError(f"cannot be read ({error})", where=weights, fix=again) from error
    with naming(TableError, "is no card of a network", where=card, fix=again):
        if content["model"] not in NETWORKS:
            raise TableError(f"no network '{content['model']}'", where=card, expected=f"one of {[*NETWORKS]}")
        _check_shapes(content, parameters, weights, card)
        check_numbers(content, card)
        network = _network_of(content)
        scalers = [member["scaler"] for member in content["members"]]
        mean, std = (torch.tensor([scaler[key] for scaler in scalers], dtype=torch.float64) for key in ("mean", "std"))
    for name, tensor in parameters.items():
        if not tensor.isfinite().all():
            raise TableError(f"parameter {name} is not finite", where=weights, fix=again)
    names = [name for name, _ in network.named_parameters()]
    return Members(network, {name: parameters[name] for name in names}, mean, std, content)


def _network_of(content: Mapping[str, Any]) -> DenseNetwork:
    return build_network(content["model"], content["network"], tuple(content["shape"]), len(content["layers"]))


def _check_shapes(
    content: Mapping[str, Any], parameters: Mapping[str, Tensor], weights: str | Path, card: str | Path
) -> None:
    """Raise a TableError where the weights are not those of the card's network, which takes no memory here."""
    with torch.device("meta"):
        network = _network_of(content)
    shapes = {name: (len(content["members"]), *tensor.shape) for name, tensor in network.named_parameters()}
    found = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    if shapes != found:
        name = sorted(name for name in {*shapes, *found} if shapes.get(name) != found.get(name))[0]
        raise TableError(
            f"parameter {name} has shape {found.get(name)}", where=weights,
            expected=f"{shapes.get(name)}, as {card} says", fix="rerun the training",
        )  # fmt: skip


def check_numbers(content: Mapping[str, Any], where: object) -> None:
    """Raise a TableError where a card's scalers or its range hold anything but numbers in their order.

    Every feature has a finite mean, a finite standard deviation above 0, and a minimum that is not above its maximum;
    each class covariate has such limits too. A card without a range passes: ``loam.training.ranges`` asks for it.
    """
    with naming(TableError, "is no card of a network", where=where, fix="rerun the training"):
        _check_numbers(content, where)


def _check_numbers(content: Mapping[str, Any], where: object) -> None:
    features = content["features"]
    for number, member in enumerate(content["members"]):
        scaler, fold = member["scaler"], member.get("fold", number)
        for key, fits in (("mean", math.isfinite), ("std", lambda value: math.isfinite(value) and value > 0)):
            _check_each(scaler[key], features, fits, f"scaler.{key} of fold {fold}", where)
    if "range" in content:
        held = content["range"]
        for key in ("minimum", "maximum"):
            _check_each(held[key], features, math.isfinite, f"range.{key}", where)
        limits = dict(zip(features, zip(held["minimum"], held["maximum"], strict=True), strict=True))
        limits |= {f"classes.{name}": tuple(pair) for name, pair in held["classes"].items()}
        for name, (low, high) in limits.items():
            if not low <= high or not math.isfinite(low) or not math.isfinite(high):
                _refuse(f"range of {name} is {low} to {high}", where)


def _check_each(
    values: Sequence[Any], features: Sequence[str], fits: Callable[[float], bool], what: str, where: object
) -> None:
    if len(values) != len(features):
        _refuse(f"{what} has {len(values)} values for {len(features)} features", where)
    for name, value in zip(features, values, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
            _refuse(f"{what}, feature {name}, is {value}", where)


def _refuse(what: str, where: object) -> None:
    raise TableError(
        what, where=where, expected="finite numbers; standard deviations above 0, minimum not above maximum",
        fix="rerun the training",
    )  # fmt: skip


def write_members(
    parameters: Mapping[str, Tensor], content: Mapping[str, Any], weights: str | Path, card: str | Path
) -> None:
    """Write parameters [member, ...] and what the card says; each file appears whole or not at all."""
    with atomic_path(weights) as temporary:
        temporary.write_bytes(save({name: tensor.contiguous() for name, tensor in parameters.items()}))
    write_text(json.dumps(content, indent=1, allow_nan=False), card)
