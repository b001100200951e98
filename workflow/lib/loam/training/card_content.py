"""What the card of a training says: of the model, of its data, and of each member."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from loam.protocols.spans import days_by_role
from loam.samples.windows import Windows
from loam.training.device import describe
from loam.training.members import Trained
from loam.training.plan import Plan
from loam.training.ranges import TrainingRange
from loam.training.scaling import Scaler
from loam.training.split import Split


def card_of(
    plan: Plan,
    scenario: str,
    shape: Sequence[int],
    frozen: Sequence[Sequence[str]],
    about: Mapping[str, Any],
    learned: TrainingRange,
    members: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The content of ``card.json``.

    Args:
        plan: what the config says.
        scenario: that was trained.
        shape: static features, steps and variables of the sequence.
        frozen: parameters of each network that stayed as they were.
        about: protocol, scaling and hashes of the data.
        learned: range of the training data.
        members: of ``describe_members``, of all networks.
    """
    return {
        "model": plan.model,
        "scenario": scenario,
        "layers": plan.layers,
        "features": plan.features.columns,
        "shape": list(shape),
        **({"patch": list(plan.features.patch_shape)} if plan.features.patch else {}),
        **({"extras": plan.extras, "neighbours": plan.neighbours} if plan.extras else {}),
        **({"seeds": plan.seeds} if plan.seeds > 1 else {}),
        "rows": "training" if plan.validates else "all",
        "network": plan.network,
        "family": plan.family,
        "training": asdict(plan.training),
        "frozen": list(dict.fromkeys(name for names in frozen for name in names)),
        "scaler": plan.scaling,
        **about,
        "range": learned.described(),
        "seed": plan.seed,
        "device": describe(plan.device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "members": list(members),
    }


def describe_members(
    rows: Sequence[Mapping[str, Any]],
    splits: Sequence[Split],
    members: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
    scaler: Scaler,
    trained: Trained,
    label: str,
    more: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """What the card says of each member of a network; ``rows``: of ``describe_rows``, ``more``: what it also says."""
    return [
        {
            **({"network": label} if label else {}),
            **member,
            **rows[place],
            "seed": seeds[place],
            "scaler": scaler.described(place),
            **more[place],
            "best_epoch": trained.best_epoch[place],
            "best_validation_loss": trained.best_loss[place] if len(splits[place].validation) else None,
            "epochs": trained.epochs[place],
        }
        for place, member in enumerate(members)
    ]


def describe_rows(windows: Windows, split: Split) -> dict[str, Any]:
    """How many rows have each role in a member's split, and on which days of which stations."""
    roles = np.full(len(windows), "unused", object)
    described: dict[str, Any] = {}
    for role in ("training", "validation", "test"):
        places = getattr(split, role)
        roles[places] = role
        described[f"{role}_rows"] = len(places)
    described["days"] = days_by_role(windows.keys[["station", "date"]], roles)
    return described


def tell_member(member: Mapping[str, Any]) -> str:
    """One line on a member of a card, for the log."""
    return f"fold {member['fold']}: {_stations_told(member['days'])}; {_loss_told(member)}"


def _stations_told(days: Mapping[str, Mapping[str, Any]]) -> str:
    few = {role: ", ".join([*held][:3]) + (" and more" if len(held) > 3 else "") for role, held in days.items()}
    validates = f"validates {few['validation']}, " if "validation" in few else ""
    return f"tests {few.get('test', 'nothing')}, {validates}trains {len(days['training'])} stations"


def _loss_told(member: Mapping[str, Any]) -> str:
    if member["best_validation_loss"] is None:
        return f"{member['epochs']} epochs"
    return (
        f"best validation loss {member['best_validation_loss']:.4f} in epoch {member['best_epoch']} of "
        f"{member['epochs']}"
    )
