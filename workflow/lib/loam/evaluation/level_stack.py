"""A network's level as a weighted mean of several systems', with weights learnt at other stations.

Which system tells best how wet a place is on average differs from region to region, and the probes at hand can say it:
with protocol ``nested`` each station is left out of everything in turn, the others are held out from one another, and
the weights that fit *their* levels best are used for the one that was left out. A station is one fact, however long its
record (stacking: Wolpert, 1992; weights that are not below 0 and sum to 1: Breiman, 1996). With a dozen stations such
weights are poorly known, so they are drawn to the equal weights: they make

    sum over stations of (level - weighted mean of the predicted levels)^2 / s^2 + sum of (weight - 1/m)^2 / t^2

least, with s^2 the variance of the error that these weights leave (found in turns with them) and t = 0.3, about the
standard deviation of a share that is anywhere between 0 and 1.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from loam.config.systems import stacked
from loam.errors import TableError
from loam.evaluation.level_mix import ROW, rival_predictions
from loam.io.schemas import LEVEL_WEIGHTS

STATION = ["fold", "station", "layer"]
SPREAD = 0.3  # prior standard deviation of a weight
FEWEST = 3  # stations that say something of weights
ROUNDS, STILL = 50, 1e-4  # in turns, until no weight moves
TINY = 1e-8  # (m3 m-3)^2; no level is known to a ten-thousandth

log = logging.getLogger("loam")


def stack_level(
    network: pd.DataFrame,
    rivals: pd.DataFrame,
    nested: pd.DataFrame,
    nested_rivals: pd.DataFrame,
    folds: pd.DataFrame,
    *,
    of: Sequence[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A network's held-out predictions with a stacked level, as model ``<network>_stacked``.

    Args:
        network: predictions (schema PREDICTIONS) of a model and scenario, one station left out in each fold.
        rivals: predictions of rivals, of which ``of`` take part, in the scenario that
            ``level_mix.rival_predictions`` takes.
        nested, nested_rivals: the same of protocol ``nested``.
        folds: schema FOLDS, of protocol ``nested``.
        of: names of the rivals that take part.

    Returns:
        Predictions: the network's rows, each station's mean moved; and schema LEVEL_WEIGHTS: which system got which
        weight for each station and layer.

    Raises:
        TableError: a station was left out of no draw, or too few others have a level by every system.
    """
    name, scenario = network[["model", "scenario"]].iloc[0]
    systems, lent = [name, *of], {rival: rival_predictions(rivals, rival, scenario) for rival in of}
    here = _levels(network, lent)
    inside = _levels(nested, {rival: rival_predictions(nested_rivals, rival, scenario) for rival in of})
    draw_of = left_out_draws(folds)
    moved, weights = [], []
    for (fold, station, layer), level in here.iterrows():
        where = f"level of {name} at station {station}, {layer}"
        if station not in draw_of:
            raise TableError("no draw leaves it out", where=where, expected="protocol nested, of the same stations")
        others = inside[(inside["draw"] == draw_of[station]) & (inside.index.get_level_values("layer") == layer)]
        if station in set(others.index.get_level_values("station")):
            raise TableError("is among the stations that its weights are learnt at", where=where, fix="rerun nested")
        known = [system for system in systems if np.isfinite(level[system])]
        facts = others[[*known, "observed"]].dropna()
        if len(facts) < FEWEST:
            raise TableError(
                f"{len(facts)} other stations have a level by {', '.join(known)}", where=where,
                expected=f"{FEWEST} or more", fix="leave out a rival of level.stack.of, or stack no model",
            )  # fmt: skip
        shares = stack_weights(facts[known].to_numpy(), facts["observed"].to_numpy())
        moved.append(float(level[known].to_numpy(float) @ shares - level[name]))
        about = {"fold": fold, "station": station, "layer": layer, "stations": len(facts)}
        given = dict(zip(known, shares, strict=True))
        weights += [about | {"system": system, "weight": given.get(system, 0.0)} for system in systems]
    shift = pd.Series(moved, index=here.index, name="shift")
    output = network["predicted"] + network[STATION].join(shift, on=STATION)["shift"]
    table = LEVEL_WEIGHTS.validate(pd.DataFrame(weights, columns=list(LEVEL_WEIGHTS.columns)))
    for layer, part in table.groupby("layer", sort=False):
        means = part.groupby("system", sort=False)["weight"].mean()
        log.info("%s, %s: mean weights %s", stacked(name), layer, ", ".join(f"{k} {v:.2f}" for k, v in means.items()))
    rows = "all" if "all" in {part["rows"].iloc[0] for part in [network, *lent.values()]} else "training"
    unknown = dict.fromkeys(["spread", "lower", "upper"], float("nan"))
    made = network.assign(model=stacked(name), output=output, predicted=output.clip(0, 1), rows=rows, **unknown)
    return made, table


def stack_weights(levels: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Weights of systems, not below 0, sum 1: [system].

    Args:
        levels: what each system says of each station's level [station, system], m3 m-3.
        observed: the levels [station], m3 m-3.
    """
    stations, count = levels.shape
    weights = np.full(count, 1 / count)
    for _ in range(ROUNDS):
        error = np.sum((levels @ weights - observed) ** 2) / max(stations - (count - 1), 1)
        before, weights = weights, _best(levels, observed, max(float(error), TINY))
        if np.abs(weights - before).max() < STILL:
            break
    return weights


def _best(levels: np.ndarray, observed: np.ndarray, error: float) -> np.ndarray:
    """The weights for an error of the level of variance ``error``: every set of systems that get one is tried."""
    count = levels.shape[1]
    equal = np.full(count, 1 / count)
    left = np.concatenate([levels / np.sqrt(error), np.eye(count) / SPREAD])
    right = np.concatenate([observed / np.sqrt(error), equal / SPREAD])
    best, least = equal, np.inf
    for size in range(1, count + 1):
        for kept in combinations(range(count), size):
            weights = np.zeros(count)
            weights[[*kept]] = _summing_to_one(left[:, kept], right)
            cost = float(np.sum((left @ weights - right) ** 2))
            if weights.min() >= 0 and cost < least:
                best, least = weights, cost
    return best


def _summing_to_one(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Least squares of left @ w = right with sum of w = 1 (Lagrange)."""
    size = left.shape[1]
    system = np.block([[left.T @ left, np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
    return np.linalg.solve(system, np.append(left.T @ right, 1.0))[:size]


def _levels(network: pd.DataFrame, rivals: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Mean prediction of the network and of each rival at each (fold, station, layer), and the mean observation.

    A rival's is the network's plus the mean difference over the rows that both predict, NaN where there is none: a
    rival that is silent on wet days is not drier.
    """
    table = network[[*ROW, "predicted", "observed"]]
    levels = table.groupby(STATION, sort=False).agg(
        draw=("draw", "first"), predicted=("predicted", "mean"), observed=("observed", "mean")
    )
    levels = levels.rename(columns={"predicted": network["model"].iloc[0]})
    for name, predictions in rivals.items():
        both = table.merge(predictions[[*ROW, "predicted"]], on=ROW, suffixes=("", "_rival"), validate="one_to_one")
        apart = (both["predicted_rival"] - both["predicted"]).groupby([both[key] for key in STATION]).mean()
        levels[name] = levels[network["model"].iloc[0]] + apart.reindex(levels.index)
    return levels


def left_out_draws(folds: pd.DataFrame) -> dict[str, int]:
    """The draw of protocol ``nested`` that leaves a station out of everything, by the station's name."""
    used = folds[folds["role"] != "unused"]
    stations = set(folds["station"])
    draws = {}
    for draw, part in used.groupby("draw"):
        for station in stations - set(part["station"]):
            draws[station] = draw
    return draws
