"""What a reader has to know before the scores: that the world is synthetic, that networks hardly trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loam.config.protocols import FLATTERS, default_protocol
from loam.config.synthetic import made_and_real
from loam.report.names import kind_name
from loam.report.page_tables import Table
from loam.report.words import listed, system_name
from loam.training.steps import FEWEST, short_members, steps_of, what_to_change

NOWHERE = "No score and no map here says anything about a real place."


@dataclass(frozen=True)
class Notice:
    """A title of a few words, and a text of a few sentences."""

    title: str
    text: str


def notices(config: Mapping[str, Any], cards: Sequence[Mapping[str, Any]]) -> list[Notice]:
    """The notices of a run, the gravest first; empty for a run of real data whose networks took enough steps.

    Args:
        config: the whole config.
        cards: card of each network and scenario; may be empty.
    """
    return [notice for notice in (_synthetic(config), _flattering(config), _hardly_trained(cards)) if notice]


def short_training(cards: Sequence[Mapping[str, Any]]) -> Table:
    """The members that stopped after fewer than ``FEWEST`` optimiser steps, one row a network, and what to change."""
    rows = []
    for card in cards:
        if short := short_members(card):
            members = (f"{_member(member)} ({steps_of(member, card['training'])})" for member in short)
            changes = ", or ".join(what_to_change(card["training"], short))
            rows.append([system_name((card["model"], card["scenario"])), _count(card), ", ".join(members), changes])
    return Table(["Network", "Members", "Held-out station (steps)", "What to change in the config"], rows)


def _synthetic(config: Mapping[str, Any]) -> Notice | None:
    made, real = made_and_real(config)
    if not made:
        return None
    if not real:
        text = "loam made its ground, weather, satellite data and probe readings from a seed."
        return Notice("This world is synthetic", f"{text} {NOWHERE} They tell whether the workflow works.")
    text = f"loam made up {listed(map(kind_name, made))}; {listed(map(kind_name, real))} came from elsewhere."
    return Notice("This world is synthetic in part", f"{text} {NOWHERE}")


def _flattering(config: Mapping[str, Any]) -> Notice | None:
    protocol = default_protocol(config)
    if protocol not in FLATTERS:
        return None
    text = (
        f"Protocol {protocol} flatters: {FLATTERS[protocol]}. They say little about a place or a time without probes."
    )
    return Notice("These scores look better than they are", text)


def _hardly_trained(cards: Sequence[Mapping[str, Any]]) -> Notice | None:
    short = [card for card in cards if short_members(card)]
    if not short:
        return None
    told = listed(f"{system_name((card['model'], card['scenario']))} ({_count(card)} members)" for card in short)
    changes = dict.fromkeys(
        change for card in short for change in what_to_change(card["training"], short_members(card))
    )
    return Notice(
        "Networks that hardly trained",
        f"Members stopped after fewer than {FEWEST} optimiser steps: {told}. So few steps seldom teach a network "
        f"anything; {', or '.join(changes)}, then run again.",
    )


def _count(card: Mapping[str, Any]) -> str:
    return f"{len(short_members(card))} of {len(card['members'])}"


def _member(member: Mapping[str, Any]) -> str:
    return ", ".join(member["days"].get("test", [])) or "none held out"
