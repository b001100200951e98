"""Leakage audit: what the folds, cards, scalers and samples of a run say of rows that were to be held out.

Each check gives rows (check, result, detail). ``failed`` ends the run: a test row is among what fitted or stopped a
network, what made its scaler, or what its neighbours told it; or its values stand there under another station's name.
``warning`` is for the reader: scores may hold for less than they seem to. ``note`` informs, ``passed`` says what was
looked at. What the audit reads is what the run itself wrote down: the cards' days for each member's rows, the samples
for the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from loam.errors import LeakageError
from loam.probes.quality.repeats import repeated_stations
from loam.protocols.spans import roles_by_fold, rows_of_days
from loam.raster.great_circle import distances
from loam.samples.neighbours import same_day_anomaly

FAILED, WARNING, NOTE, PASSED = "failed", "warning", "note", "passed"
IMPOSSIBLE = 1e6  # m3 m-3, where no neighbour may look
SAME_PLACE = 0.05  # km
NAMED = 5  # of many, in a sentence


class Finding(NamedTuple):
    """A row of ``audit.csv``."""

    check: str
    result: str
    detail: str


def member_of(card: Mapping[str, Any], fold: int) -> Mapping[str, Any]:
    """What a card says of the member that predicts a fold; the pretrained network predicts all."""
    members = card["members"]
    return members[0] if card["scenario"] == "source" else next(own for own in members if own["fold"] == fold)


def name_of(card: Mapping[str, Any]) -> str:
    """``mlp transfer`` of a card."""
    return f"{card['model']} {card['scenario']}"


def cards_of(cards: Sequence[Mapping[str, Any]], protocol: str) -> list[Mapping[str, Any]]:
    """The cards of a protocol, and those of the source domain, which belong to all."""
    return [card for card in cards if card["protocol"] in (None, protocol)]


def check_rows(folds: pd.DataFrame, cards: Sequence[Mapping[str, Any]], target: pd.DataFrame) -> Iterator[Finding]:
    """Whether a test row is among the rows that fitted, stopped or pretrained a network that predicts it.

    Args:
        folds: schema FOLDS, of every protocol.
        cards: of every network.
        target: samples of the target domain, columns station and date at least.
    """
    keys = target[["station", "date"]]
    pretrained = {card["model"]: card for card in cards if card["scenario"] == "source"}
    for protocol, part in folds.groupby("protocol", sort=False):
        for fold in roles_by_fold(keys, part):
            tested = keys[fold.roles == "test"]
            for card in cards_of(cards, str(protocol)):
                parts = {role: member_of(card, fold.fold)["days"].get(role, {}) for role in ("training", "validation")}
                if card["scenario"] == "transfer" and card["model"] in pretrained:
                    days = pretrained[card["model"]]["members"][0]["days"]
                    parts["pretraining"] = {**days.get("training", {}), **days.get("validation", {})}
                for role, days in parts.items():
                    if len(seen := tested[rows_of_days(days, tested)]):
                        yield Finding(
                            "rows", FAILED, f"{len(seen)} test rows of {protocol}, fold {fold.fold}, are in the {role} "
                            f"of {name_of(card)}: {_days(seen)}",
                        )  # fmt: skip
    yield Finding(
        "rows", PASSED, f"{len(cards)} cards against the test rows of {folds['protocol'].nunique()} protocols"
    )


def check_repeats(
    folds: pd.DataFrame,
    cards: Sequence[Mapping[str, Any]],
    samples: Mapping[str, pd.DataFrame],
    layers: Sequence[str],
) -> Iterator[Finding]:
    """Whether a tested station's series stands under another name among what fits or stops a network that predicts it.

    Args:
        folds: schema FOLDS.
        cards: of every network.
        samples: of each domain: station, date, latitude, longitude, one column a layer.
        layers: names.
    """
    twins = repeated_series(samples, layers)
    for protocol, part in folds.groupby("protocol", sort=False):
        for fold, rows in part.groupby("fold"):
            tested = set(rows.loc[rows["role"] == "test", "station"])
            told = {role: set(own) for role, own in rows.groupby("role")["station"]}
            roles = {"fold": told.get("training", set()) | told.get("validation", set())}
            for card in cards_of(cards, str(protocol)):
                days = member_of(card, int(fold))["days"]
                roles[name_of(card)] = {*days.get("training", {}), *days.get("validation", {})}
            for first, second, days in twins:
                for mine, other in ((first, second), (second, first)):
                    if mine in tested and (who := [name for name, held in roles.items() if other in held - tested]):
                        yield Finding(
                            "repeated series", FAILED, f"station {other} has the values of station {mine} on {days} "
                            f"days, and {mine} is tested by {protocol}, fold {fold}, where {other} trains or "
                            f"validates ({', '.join(who)})",
                        )  # fmt: skip
    yield Finding("repeated series", PASSED, f"{len(twins)} pairs of stations with the same values")
    yield from _same_places(samples)


def repeated_series(samples: Mapping[str, pd.DataFrame], layers: Sequence[str]) -> list[tuple[str, str, int]]:
    """Pairs of stations, of either domain, with the same moisture, and the days that are equal."""
    parts = [
        rows[["station", "date", layer]].rename(columns={layer: "moisture"}).dropna().assign(depth_from_cm=place)
        for rows in samples.values()
        for place, layer in enumerate(layers)
    ]
    daily = pd.concat(parts, ignore_index=True).assign(depth_to_cm=lambda rows: rows["depth_from_cm"] + 1.0)
    found = repeated_stations(daily.drop_duplicates(["station", "depth_from_cm", "date"]))
    groups: dict[str, dict[str, int]] = {}
    for row in found.itertuples():
        group = groups.setdefault(str(row.original), {})
        group[str(row.station)] = max(group.get(str(row.station), 0), int(row.days))
    return [
        (one, other, min(days, group.get(one, days)))
        for original, group in groups.items()
        for number, (other, days) in enumerate(group.items())
        for one in [original, *list(group)[:number]]
    ]


def _same_places(samples: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    if len(samples) < 2:
        return
    source, target = (
        samples[name].groupby("station", sort=True)[["latitude", "longitude"]].mean() for name in ("source", "target")
    )
    near = [
        f"{name} (source {', '.join(source.index[away <= SAME_PLACE])})"
        for name, place in target.iterrows()
        if ((away := distances(*place, *(source[key].to_numpy() for key in source))) <= SAME_PLACE).any()
    ]
    if near:
        yield Finding(
            "same place", WARNING, f"{len(near)} target stations stand within {1000 * SAME_PLACE:g} m of a source "
            f"station, which trains where they are tested: {_few(near)}",
        )  # fmt: skip


def check_neighbours(
    folds: pd.DataFrame, reading: Set[str], target: pd.DataFrame, layers: Sequence[str]
) -> Iterator[Finding]:
    """Whether what neighbours tell of a day changes with the values of rows that do not train: they are planted.

    Args:
        folds: schema FOLDS.
        reading: protocols in which a system is told what other probes measured on the day.
        target: samples of the target domain: station, date, latitude, longitude, one column a layer.
        layers: names.
    """
    places = target.groupby("station", sort=True)[["latitude", "longitude"]].mean()
    station, day = places.index.get_indexer(target["station"]), target["date"].to_numpy("datetime64[D]").astype(int)
    day = day - day.min()
    moisture = np.full((len(places), day.max() + 1, len(layers)), np.nan)
    moisture[station, day] = target[list(layers)].to_numpy(float)
    where = (places["latitude"].to_numpy(), places["longitude"].to_numpy())
    count = 0
    for protocol, part in folds.groupby("protocol", sort=False):
        if protocol not in reading:
            continue
        for fold in roles_by_fold(target[["station", "date"]], part):
            training = np.zeros(moisture.shape[:2], bool)
            training[station, day] = fold.roles == "training"
            told = same_day_anomaly(moisture, training, *where)[0]
            planted = np.where(training[..., None], moisture, IMPOSSIBLE)
            changed = ~np.isclose(told, same_day_anomaly(planted, training, *where)[0]).all((1, 2))
            own = int(np.argmax(training.any(1)))
            planted = moisture.copy()
            planted[own] = np.where(np.arange(len(planted[own]))[:, None] % 2, IMPOSSIBLE, 0.0)
            changed[own] |= not np.allclose(told[own], same_day_anomaly(planted, training, *where)[0][own])
            if changed.any():
                yield Finding(
                    "neighbours", FAILED, f"{protocol}, fold {fold.fold}: values that do not train reach the "
                    f"neighbours' anomaly at station {_few(places.index[changed].tolist())}",
                )  # fmt: skip
            count += 1
    yield Finding("neighbours", PASSED if count else NOTE, f"{count} folds with impossible values at held-out rows"
                  if count else "no system is told what other probes measured on the day")  # fmt: skip


def table_of(findings: Sequence[Finding]) -> pd.DataFrame:
    """Columns check, result, detail; a check that failed or warned does not also say that it passed."""
    loud = {finding.check for finding in findings if finding.result in (FAILED, WARNING)}
    kept = [finding for finding in findings if finding.result != PASSED or finding.check not in loud]
    return pd.DataFrame(kept, columns=list(Finding._fields))


def refuse_failed(table: pd.DataFrame) -> None:
    """Raise a LeakageError that names what failed."""
    failed = table.loc[table["result"] == FAILED, "detail"].tolist()
    if failed:
        more = f" (and {len(failed) - NAMED} more, see the log)" if len(failed) > NAMED else ""
        raise LeakageError(
            f"{'; '.join(failed[:NAMED])}{more}", where="leakage audit",
            expected="test rows, and repeats of them, in no fit, scaler, neighbours' mean, validation or pretraining",
            fix="leave one of two equal stations out, remake folds.csv and train again",
        )  # fmt: skip


def _days(rows: pd.DataFrame) -> str:
    first = rows.sort_values(["station", "date"]).iloc[0]
    return f"station {first['station']} on {first['date']:%Y-%m-%d}" + (", ..." if len(rows) > 1 else "")


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(str, names[:NAMED])) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
