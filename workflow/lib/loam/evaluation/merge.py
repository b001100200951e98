"""All held-out predictions in one table, refused where a card says that a row was not held out.

A model's card lists, for each member (the network of one fold; one member for a source model), on which days which
stations trained and validated it. A score is worth something only where the predicted (station, day) is among neither.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from loam.errors import LeakageError, TableError
from loam.protocols.spans import roles_in, rows_of_days

SYSTEM = ["protocol", "model", "scenario"]
ROW = ["fold", "station", "date", "layer"]

log = logging.getLogger("loam")


def merge_predictions(
    folds: pd.DataFrame,
    rivals: Sequence[pd.DataFrame],
    models: Sequence[pd.DataFrame],
    cards: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    """The networks' predictions, then the rivals', after every check.

    Args:
        folds: schema FOLDS, of every protocol.
        rivals: predictions (schema PREDICTIONS) of what has no card: rivals, and networks whose level is mixed.
        models: predictions of each network and scenario in each protocol.
        cards: the card of each of ``models``, in the same order.

    Returns:
        Schema PREDICTIONS.

    Raises:
        LeakageError: a member learned from a (station, day) that it is scored on.
        TableError: a card belongs to other predictions, rows are not those that the folds test, networks are scored on
            different rows, or a prediction is not finite.
    """
    for predictions, card in zip(models, cards, strict=True):
        check_card(predictions, card)
    merged = pd.concat([*models, *(part for part in rivals if len(part))], ignore_index=True)
    check_finite(merged)
    check_folds(merged, folds, {(card["model"], card["scenario"]) for card in cards})
    check_rows(models)
    log.info("%d predictions of %d models and scenarios", len(merged), merged.groupby(SYSTEM).ngroups)
    return merged


def check_card(predictions: pd.DataFrame, card: Mapping[str, Any]) -> None:
    """Raise a LeakageError where a member learned from a (station, day) that ``predictions`` scores it on."""
    name = f"{card['model']} {card['scenario']}"
    where = f"card of {name}"
    found = set(predictions["model"] + " " + predictions["scenario"])
    if found != {name}:
        raise TableError(f"predictions of {', '.join(sorted(found)) or 'nothing'}", where=where)
    protocols = set(predictions["protocol"])
    if card["protocol"] and protocols != {card["protocol"]}:
        raise TableError(
            f"predictions of protocol {', '.join(sorted(protocols))}", where=where, expected=card["protocol"]
        )
    members = {member["fold"]: member for member in card["members"]}
    everywhere = next(iter(members.values())) if card["scenario"] == "source" else None
    for fold, rows in predictions.groupby("fold"):
        member = everywhere or members.get(fold)
        if member is None:
            raise TableError(f"no member of fold {fold}", where=where, fix="rerun the training")
        for role in ("training", "validation"):
            seen = rows[rows_of_days(member["days"].get(role, {}), rows)]
            if len(seen):
                days, first = seen[["station", "date"]].drop_duplicates(), seen.iloc[0]
                raise LeakageError(
                    f"station {first['station']} is scored in fold {fold} on {first['date']:%Y-%m-%d} and is "
                    f" among the {role} rows of that day ({len(days)} such rows)", where=where,
                    expected="the test rows to be held out of training, validation and scaling",
                )  # fmt: skip
        strange = rows[~rows_of_days(member["days"].get("test", {}), rows)]
        if everywhere is None and len(strange):
            raise TableError(
                f"station {strange['station'].iloc[0]} is predicted by fold {fold} on "
                f"{strange['date'].iloc[0]:%Y-%m-%d}", where=where,
                expected=f"what it holds out: station {', '.join(member['days'].get('test', {}))}",
            )  # fmt: skip


def check_finite(predictions: pd.DataFrame) -> None:
    """Raise a TableError that names the first observation or prediction that is not a finite number."""
    bad = predictions[~np.isfinite(predictions[["observed", "predicted"]]).all(axis=1)]
    if len(bad):
        first = bad.iloc[0]
        raise TableError(
            f"{len(bad)} rows are not finite, first observed {first['observed']}, predicted {first['predicted']}",
            where=f"{first['model']} {first['scenario']}, station {first['station']}, {first['date']:%Y-%m-%d}, "
            f"{first['layer']}", fix="see the model's history.csv: did its loss diverge?",
        )  # fmt: skip


def check_folds(predictions: pd.DataFrame, folds: pd.DataFrame, networks: set[tuple[str, str]]) -> None:
    """Raise a TableError unless each model predicts what its fold tests, each network at every station that is tested.

    Args:
        predictions: of all models and protocols.
        folds: schema FOLDS, of every protocol.
        networks: model and scenario of those that may leave no station out.
    """
    parts = dict(list(folds.groupby(["protocol", "fold"])))
    tested = {key: set(part.loc[part["role"] == "test", "station"]) for key, part in parts.items()}
    for (protocol, *system), part in predictions.groupby(SYSTEM, sort=False):
        where = f"predictions of {' '.join(system)}"
        for fold, rows in part.groupby("fold"):
            key = (protocol, fold)
            if key not in parts:
                raise TableError(f"no fold {fold} of {protocol}", where=where, fix="rerun them")
            strange = rows[roles_in(parts[key], rows, f"fold {fold} of {protocol}") != "test"]
            if len(strange):
                row = strange.iloc[0]
                raise TableError(
                    f"fold {fold} tests {row['station']} on {row['date']:%Y-%m-%d}", where=where,
                    expected=f"station {', '.join(sorted(tested[key]))} on the days of the folds",
                )  # fmt: skip
        twice = part.duplicated(["size", "draw", "station", "date", "layer"])
        if twice.any():
            row = part[twice].iloc[0]
            raise TableError(
                f"station {row['station']} on {row['date']:%Y-%m-%d} is tested in two folds", where=where,
                fix="remake folds.csv",
            )  # fmt: skip
        found = part.groupby("fold")["station"].agg(set).to_dict()
        missing = sorted(
            {name for key, names in tested.items() if key[0] == protocol for name in names - found.get(key[1], set())}
        )
        if missing and tuple(system) in networks:
            raise TableError(f"no prediction for station {', '.join(missing)}", where=where)
        if missing:
            log.warning("%s: none for station %s", where, ", ".join(missing))


def check_rows(models: Sequence[pd.DataFrame]) -> None:
    """Raise a TableError unless all networks of a protocol are scored on the same rows and observations."""
    first: dict[str, pd.DataFrame] = {}
    for predictions in models:
        rows = predictions[[*ROW, "observed"]].sort_values(ROW, ignore_index=True)
        if not rows.equals(first.setdefault(predictions["protocol"].iloc[0], rows)):
            raise TableError(
                "networks are scored on different rows",
                where=f"predictions of {predictions['model'].iloc[0]} {predictions['scenario'].iloc[0]}",
                expected="every observed layer of every row that is tested",
                fix="rerun predict_held_out for all models",
            )  # fmt: skip
