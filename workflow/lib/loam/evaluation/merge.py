"""All held-out predictions in one table, refused where a card says that a station was not held out.

A model's card lists, for each member (the network of one fold; one member for a source model), the stations that
trained and validated it. A score is worth something only where the predicted station is among neither.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from loam.errors import LeakageError, TableError

ROW = ["fold", "station", "date", "layer"]

log = logging.getLogger("loam")


def merge_predictions(
    baselines: pd.DataFrame, models: Sequence[pd.DataFrame], cards: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """The networks' predictions, then the baselines', after every check.

    Args:
        baselines: predictions (schema PREDICTIONS) of models without a card.
        models: predictions of each network and scenario.
        cards: the card of each of ``models``, in the same order.

    Returns:
        Schema PREDICTIONS.

    Raises:
        LeakageError: a member's card lists a station it is scored on.
        TableError: a card belongs to other predictions, stations are not those of the folds, networks are scored on
            different rows, or a prediction is not finite.
    """
    for predictions, card in zip(models, cards, strict=True):
        check_card(predictions, card)
    merged = pd.concat([*models, baselines], ignore_index=True)
    check_finite(merged)
    check_folds(merged, cards)
    check_rows(models)
    log.info("%d predictions of %d models and scenarios", len(merged), merged.groupby(["model", "scenario"]).ngroups)
    return merged


def check_card(predictions: pd.DataFrame, card: Mapping[str, Any]) -> None:
    """Raise a LeakageError where a member saw a station that ``predictions`` scores it on."""
    name = f"{card['model']} {card['scenario']}"
    found = set(predictions["model"] + " " + predictions["scenario"])
    if found != {name}:
        raise TableError(f"predictions of {', '.join(sorted(found)) or 'nothing'}", where=f"card of {name}")
    members = {member["fold"]: member for member in card["members"]}
    everywhere = next(iter(members.values())) if card["scenario"] == "source" else None
    for fold, station in predictions[["fold", "station"]].drop_duplicates().itertuples(index=False):
        member = everywhere or members.get(fold)
        if member is None:
            raise TableError(f"no member of fold {fold}", where=f"card of {name}", fix="rerun the training")
        for role, stations in _stations_seen(member).items():
            if station in stations:
                raise LeakageError(
                    f"station {station} is scored in fold {fold} and is one of its {role}", where=f"card of {name}",
                    expected="the test station to be held out of training, validation and scaling",
                )  # fmt: skip
        if everywhere is None and member["test_station"] != station:
            raise TableError(
                f"station {station} is predicted by fold {fold}", where=f"card of {name}",
                expected=f"station {member['test_station']}",
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


def check_folds(predictions: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> None:
    """Raise a TableError unless a fold is one station, the same in all predictions and cards, and none is left out."""
    tested = {
        member["fold"]: member["test_station"] for card in cards if card["scenario"] != "source"
        for member in card["members"]
    }  # fmt: skip
    for group, part in predictions.groupby(["model", "scenario"], sort=False):
        where = f"predictions of {' '.join(group)}"
        for fold, station in part[["fold", "station"]].drop_duplicates().itertuples(index=False):
            if tested.setdefault(fold, station) != station:
                raise TableError(f"fold {fold} tests {station}", where=where, expected=f"station {tested[fold]}")
    if len(set(tested.values())) < len(tested):
        raise TableError("a station is tested in two folds", where="folds", fix="remake folds.csv")
    networks = {(card["model"], card["scenario"]) for card in cards}
    for group, part in predictions.groupby(["model", "scenario"], sort=False):
        missing = sorted(set(tested.values()) - set(part["station"]))
        where, names = f"predictions of {' '.join(group)}", ", ".join(missing)
        if missing and group in networks:
            raise TableError(f"no prediction for station {names}", where=where)
        if missing:
            log.warning("%s: none for station %s", where, names)


def check_rows(models: Sequence[pd.DataFrame]) -> None:
    """Raise a TableError unless all networks are scored on the same rows and observations."""
    first: pd.DataFrame | None = None
    for predictions in models:
        rows = predictions[[*ROW, "observed"]].sort_values(ROW, ignore_index=True)
        first = rows if first is None else first
        if not rows.equals(first):
            raise TableError(
                "networks are scored on different rows",
                where=f"predictions of {predictions['model'].iloc[0]} {predictions['scenario'].iloc[0]}",
                expected="every observed layer of every target sample", fix="rerun predict_held_out for all models",
            )  # fmt: skip


def _stations_seen(member: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    validation = member["validation_station"]
    return {
        "training stations": member["training_stations"],
        "validation stations": [validation] if isinstance(validation, str) else validation or [],
    }
