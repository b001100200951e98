"""Leakage audit, scalers: each member's scaler is made anew from the rows that its card says it trained on.

A scaler that had seen a test row differs from that. Kinds are those of ``loam.training.scaling``; a variable of a
sequence has one scale for all its steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
            known = [name for name in card["features"] if all(name in rows for rows in samples.values())]
            left |= set(card["features"]) - set(known)
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


def _differs(
    card: Mapping[str, Any], scaler: Mapping[str, Sequence[float | None]], known: Sequence[str],
    parts: Sequence[pd.DataFrame],
) -> list[str]:  # fmt: skip
    """Features whose stated scale is not that of the rows ``parts`` [domain]; all of them without a row."""
    static, steps, variables = card["shape"]
    columns, kind = list(card["features"]), card["scaler"]
    pools = {name: [name] for name in columns[:static]}
    sequence = np.array(columns[static:], object).reshape(steps, variables)
    pools |= {name: sequence[:, place].tolist() for place in range(variables) for name in sequence[:, place]}
    found, done = [], set()
    for place, name in enumerate(columns):
        if name not in known or (pool := tuple(pools[name])) in done:
            continue
        done.add(pool)
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
