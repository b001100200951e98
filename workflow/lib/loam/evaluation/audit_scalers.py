"""Leakage audit, scalers: each member's scaler is made anew from the rows that its card says it trained on.

A scaler that had seen a test row differs from that. Kinds are those of ``loam.training.scaling``; a variable of a
sequence has one scale for all its steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
import pandas as pd

from loam.evaluation.audit import FAILED, NOTE, PASSED, Finding, name_of
from loam.protocols.spans import rows_of_days

CLOSE = 1e-5  # of the scale; float32 tables, and sums in another order


def check_scalers(cards: Sequence[Mapping[str, Any]], samples: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    """Whether each scaler is that of its training rows.

    Args:
        cards: of every network.
        samples: of each domain: station, date, and every feature.
    """
    pretrained = {card["model"]: card for card in cards if card["scenario"] == "source"}
    count, left, unknown = 0, set(), set()
    stations = {name: rows["station"].unique() for name, rows in samples.items()}
    last: tuple[object, list[pd.DataFrame]] = (None, [])
    for card in cards:
        for member in card["members"]:
            days = member["days"].get("training", {})
            if card.get("scaling") == "source":
                if card["model"] not in pretrained:
                    unknown.add(name_of(card))
                    continue
                days = pretrained[card["model"]]["members"][0]["days"]["training"]
            known = {names for names in pools_of(card) if all(set(names) <= set(rows) for rows in samples.values())}
            left |= set(card["features"]) - {name for names in known for name in names}
            if last[0] != days:
                held = {name: rows for name, rows in samples.items() if set(days) & set(stations[name])}
                last = (days, _rows(held, days))
            differ = _differs(card, member["scaler"], known, last[1])
            count += 1
            if differ:
                yield Finding(
                    "scalers", FAILED, f"{name_of(card)}, fold {member['fold']} of {card['protocol'] or 'the source'}: "
                    f"the scale of {', '.join(differ[:3])} is not that of its training rows",
                )  # fmt: skip
    told = f"; not in the samples, so not looked at: {', '.join(sorted(left))}" if left else ""
    if unknown:
        yield Finding(
            "scalers", NOTE, f"scaled by the source domain's training rows, which no card of the run tells: "
            f"{', '.join(sorted(unknown))}",
        )  # fmt: skip
    yield Finding("scalers", PASSED, f"{count} scalers made anew from their training rows{told}")


def _rows(samples: Mapping[str, pd.DataFrame], days: Mapping[str, Sequence[Sequence[str]]]) -> list[pd.DataFrame]:
    """The rows of each domain that a card's days hold."""
    parts = [rows[rows_of_days(days, rows)] for rows in samples.values()]
    return [part for part in parts if len(part)]


def pools_of(card: Mapping[str, Any]) -> dict[tuple[str, ...], int]:
    """Features that share a scale, each with the place of its first: one of its own, or a variable at all its steps.

    What lies around the place (patches) is no column of the samples, and what training makes itself is no feature.
    """
    static, steps, variables = card["shape"]
    static -= len(card.get("extras", []))
    columns = list(card["features"])
    pools = {(name,): place for place, name in enumerate(columns[:static])}
    for place in range(static, static + variables):
        pools[tuple(columns[place : static + steps * variables : variables])] = place
    return pools


def _differs(
    card: Mapping[str, Any], scaler: Mapping[str, Sequence[float | None]], known: Set[tuple[str, ...]],
    parts: Sequence[pd.DataFrame],
) -> list[str]:  # fmt: skip
    """Features whose stated scale is not that of the rows ``parts`` [domain]; all of them without a row."""
    kind, found = card["scaler"], []
    for pool, place in pools_of(card).items():
        if pool not in known:
            continue
        name = pool[0]
        mean, std = scaler["mean"][place], scaler["std"][place]
        values = [part[list(pool)].to_numpy(float).ravel() for part in parts]
        if not values:
            found.append(name)
            continue
        median = scaler["median"][place] if kind == "log_skewed" else None
        if median is not None:
            values = [np.log1p(np.maximum(own, 0) / median) for own in values]
        if kind == "limits":
            own = [min(part.min() for part in values), max(part.max() for part in values)]
            own[1] -= own[0]
        else:
            weights = [np.full(len(part), 1 / len(part) if kind == "log_skewed" else 1.0) for part in values]
            joined, weight = np.concatenate(values), np.concatenate(weights)
            centre = np.average(joined, weights=weight)
            own = [centre, np.sqrt(np.average((joined - centre) ** 2, weights=weight))]
        scale = max(own[1], abs(own[0]) * CLOSE, 1e-12)
        constant = own[1] <= CLOSE * max(abs(own[0]), 1e-12) and std == 1
        if abs(own[0] - mean) > CLOSE * max(scale, abs(own[0])) or not (constant or abs(own[1] - std) <= CLOSE * scale):
            found.append(name)
    return found
