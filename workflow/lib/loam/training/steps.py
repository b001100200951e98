"""How many optimiser steps a member took, and a warning where they were too few to learn from.

A member that stops after a few dozen steps has hardly left where it began: with few rows an epoch is a step or two, and
early stopping counts epochs. Standard library only: the report says it too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

FEWEST = 500  # steps (batches); fewer are named
TOLD = 5  # members that the warning names


def steps_of(member: Mapping[str, Any], training: Mapping[str, Any]) -> int:
    """Steps that a member of a card took until it stopped: its epochs times the batches of its training rows, or those
    that were asked for.
    """
    if training.get("steps"):
        return int(training["steps"])
    return member["epochs"] * math.ceil(member["training_rows"] / training["batch_size"])


def short_members(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The members of a card (content of ``card.json``) that stopped after fewer than ``FEWEST`` steps."""
    return [member for member in card["members"] if steps_of(member, card["training"]) < FEWEST]


def what_to_change(training: Mapping[str, Any], short: Sequence[Mapping[str, Any]]) -> list[str]:
    """Changes of the config that give members more steps.

    Args:
        training: settings of a card.
        short: its members that stopped early; at least one.
    """
    if training.get("steps"):
        return [f"raise training.<model>.steps (now {training['steps']})"]
    at_the_end = sum(member["epochs"] >= training["epochs"] for member in short)
    changes = []
    if at_the_end:
        changes.append(f"raise training.epochs (now {training['epochs']})")
    if at_the_end < len(short):
        changes.append(f"raise training.patience (now {training['patience']} epochs)")
    if min(member["training_rows"] for member in short) > 1 and training["batch_size"] > 1:
        changes.append(f"lower training.batch_size (now {training['batch_size']})")
    return changes


def few_steps(card: Mapping[str, Any]) -> str | None:
    """One sentence where members of a card stopped after fewer than ``FEWEST`` steps, with what to change; else None.

    Args:
        card: content of ``card.json``.
    """
    training, short = card["training"], short_members(card)
    if not short:
        return None
    told = ", ".join(f"fold {member['fold']} after {steps_of(member, training)}" for member in short[:TOLD])
    more = f" and {len(short) - TOLD} more" if len(short) > TOLD else ""
    return (
        f"{card['model']} {card['scenario']}: {len(short)} of {len(card['members'])} members stopped after fewer than "
        f"{FEWEST} optimiser steps ({told}{more}); {', or '.join(what_to_change(training, short))}: so few steps "
        "seldom teach a network anything"
    )
