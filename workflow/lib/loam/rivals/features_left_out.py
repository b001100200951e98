"""Leakage audit: what scores owe to features that tell stations apart, by boosted trees with and without them.

A network or trees that know which station a row is of can learn levels of places rather than of soils. How much that
is worth is asked of trees that are fitted to the target's rows alone, in the folds of one protocol, twice: on all
features, and on those that are left. It is bounded, whatever the run: at most ``ROWS`` rows, drawn at random, in at
most ``FOLDS`` folds, with half the trees of the rival of that name, each twice as bold, and a quarter of its bins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from loam.evaluation.audit import NOTE, WARNING, Finding
from loam.evaluation.metrics import rmse
from loam.evaluation.paired import compare
from loam.rivals.regression import regression
from loam.rivals.trial import Trial

ROWS = 6000  # at most, of the target
FOLDS = 12  # at most, of the protocol
CHECK = "features left out"
QUICK = {"max_iter": 50, "learning_rate": 0.2, "max_bins": 63, "early_stopping": False}


def check_scores_without(
    target: pd.DataFrame,
    folds: pd.DataFrame,
    columns: Sequence[str],
    left_out: Mapping[str, Sequence[str]],
    layers: Sequence[str],
    *,
    draws: int,
    seed: int,
    threads: int = 1,
) -> Iterator[Finding]:
    """Scores with all features and without some, a finding a layer.

    Args:
        target: samples of the target domain.
        folds: schema FOLDS; the first protocol is looked at.
        columns: features of the samples.
        left_out: by result, ``warning`` for features that name a place and ``note`` for those with another value at
            every station: which of ``columns`` are left out; nothing is fitted where there are none.
        layers: names.
        draws: bootstrap draws of the stations.
        seed: of all draws.
        threads: folds side by side.
    """
    asked = {result: list(names) for result, names in left_out.items() if names}
    if not asked:
        return
    protocol = folds["protocol"].iloc[0]
    drawn = _drawn(target, folds[folds["protocol"] == protocol], seed)
    trial = Trial(None, *drawn, list(layers), list(columns), {}, seed, threads)
    whole = _scores(trial)
    looked_at = (
        f"{len(trial.target):,} of {len(target):,} rows in {trial.folds['fold'].nunique()} folds of {protocol}"
    )  # fmt: skip
    for result, names in asked.items():
        kept = [name for name in columns if name not in names]
        told = f"boosted trees without {', '.join(names)}"
        if not kept:
            yield Finding(CHECK, result, f"{told}: no feature is left, so that no score is")
            continue
        without = _scores(replace(trial, columns=kept))
        for layer in without:
            table = pd.DataFrame({("with", ""): whole[layer], ("without", ""): without[layer]})
            paired = compare(table, ("without", ""), ("with", ""), draws=draws, seed=seed)
            if paired is None:
                continue
            yield Finding(
                CHECK, result, f"{told}, {layer}: median RMSE {paired.ours:.3f}, {paired.theirs:.3f} with them "
                f"({paired.stations} stations, difference {paired.difference:+.3f}, {paired.low:+.3f} to "
                f"{paired.high:+.3f}; {looked_at})",
            )  # fmt: skip


def suspects(warned: Sequence[str], unique: Sequence[str]) -> dict[str, list[str]]:
    """What ``check_scores_without`` leaves out: what is warned of; and all that has one value a station."""
    every = list(dict.fromkeys([*warned, *unique]))
    return {WARNING: list(warned), NOTE: every if len(every) > len(warned) else []}


def _drawn(target: pd.DataFrame, folds: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows and folds that are looked at; every station keeps one row or more."""
    generator = np.random.default_rng([seed, len(target)])
    numbers = folds["fold"].unique()
    if len(numbers) > FOLDS:
        folds = folds[folds["fold"].isin(generator.permutation(numbers)[:FOLDS])]
    if len(target) > ROWS:
        first = np.flatnonzero(~target["station"].duplicated().to_numpy())
        rest = generator.permutation(np.setdiff1d(np.arange(len(target)), first))[: max(ROWS - len(first), 0)]
        target = target.iloc[np.sort(np.concatenate([first, rest]))].reset_index(drop=True)
    return target, folds.reset_index(drop=True)


def _scores(trial: Trial) -> dict[str, pd.Series]:
    """RMSE of each tested station, by layer."""

    def make() -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(random_state=trial.seed, **QUICK)

    said = regression(trial, "boosted_trees", "target", make, rows="all")
    return {
        str(layer): pd.Series(
            {name: rmse(rows["observed"].to_numpy(float), rows["predicted"].to_numpy(float))
             for name, rows in part.groupby("station")}
        )
        for layer, part in said.groupby("layer", sort=False)
    }  # fmt: skip
