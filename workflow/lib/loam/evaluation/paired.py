"""Two systems beside one another: their scores at the stations that both have, and how far the difference can be told.

The interval is that of the median or of the mean paired difference, by the bootstrap over stations (Efron, 1979). Where
it holds zero, these stations do not tell the two apart. ``better``, ``worse`` and ``no clear difference`` are said by
this module only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.config.systems import names_of, reads_probes_of_the_day
from loam.evaluation.metrics import over_draws
from loam.evaluation.summary import draw_stations, interval, mean_of_draws, median_of_draws
from loam.io.schemas import PAIRED

System = tuple[str, str]  # model and scenario

BETTER, WORSE, ALIKE = "better", "worse", "no clear difference"
PAIRED_METRICS = ["rmse", "ubrmse"]
STATISTICS = {"mean": (np.mean, mean_of_draws), "median": (np.median, median_of_draws)}


@dataclass(frozen=True)
class Paired:
    """A system against one rival, by an error at the stations that both have; m3 m-3.

    Args:
        ours, theirs: mean or median error over the stations.
        lower: stations at which ours is the lower, of ``stations``.
        difference, low, high: mean or median paired difference (ours - theirs) and its 95 % interval, NaN with one
            station.
    """

    ours: float
    theirs: float
    lower: int
    stations: int
    difference: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Whether the interval says that ours errs less."""
        return self.high < 0

    @property
    def worse(self) -> bool:
        """Whether the interval says that the rival errs less."""
        return self.low > 0

    @property
    def word(self) -> str:
        """``better``, ``worse`` or ``no clear difference``, as the interval says."""
        return WORSE if self.worse else BETTER if self.better else ALIKE


def compare(
    by_system: pd.DataFrame, ours: System, rival: System, *, draws: int, seed: int, statistic: str = "median"
) -> Paired | None:
    """Compare two systems; None where they share no station.

    Args:
        by_system: an error of each station (row) and system (column, model and scenario); NaN where undefined.
        ours, rival: columns of it.
        draws: bootstrap draws of the stations.
        seed: of the draws.
        statistic: over the stations, one of ``STATISTICS``.
    """
    errors = (by_system[system].to_numpy(float) for system in (ours, rival))
    return compare_errors(*errors, draws=draws, seed=seed, statistic=statistic)


def compare_errors(
    ours: np.ndarray, theirs: np.ndarray, *, draws: int, seed: int, statistic: str = "median"
) -> Paired | None:
    """``compare`` of two systems by their errors at the same stations [station], NaN where undefined."""
    shared = ~(np.isnan(ours) | np.isnan(theirs))
    ours, theirs = ours[shared], theirs[shared]
    if not len(ours):
        return None
    over_stations, over_draws_of = STATISTICS[statistic]
    difference = ours - theirs
    low, high = np.nan, np.nan
    if len(ours) > 1:
        low, high = interval(over_draws_of(difference, draw_stations(len(ours), draws, seed)))
    return Paired(
        float(over_stations(ours)), float(over_stations(theirs)), int(np.sum(difference < 0)), len(ours),
        float(over_stations(difference)), low, high,
    )  # fmt: skip


def pair_systems(
    predictions: pd.DataFrame, metrics: pd.DataFrame, models: Mapping[str, bool], *, draws: int, seed: int
) -> pd.DataFrame:
    """Each of ``models``, and its level mix, against every other system of its protocol and layer.

    Args:
        predictions: schema PREDICTIONS, for the rows that fitted a system.
        metrics: schema METRICS_TABLE, the scores of each station.
        models: names of the models that are set against all others, and whether each is told what other probes measured
            on the day.
        draws: bootstrap draws of the stations.
        seed: of the draws.

    Returns:
        Schema PAIRED: one row a (protocol, size, layer, system, rival, metric, statistic). ``unequal`` says in what the
        two did not answer the same question.
    """
    ours = {name for model in models for name in names_of(model)}
    told = {name for name in ours if reads_probes_of_the_day(name)}
    told |= {name for model, reads in models.items() if reads for name in names_of(model)}
    fitted = predictions.groupby(["model", "scenario"])["rows"].first().to_dict()
    rows = [
        dict(zip(("protocol", "flatters", "size", "layer"), key, strict=True)) | row
        for key, part in metrics.groupby(["protocol", "flatters", "size", "layer"], sort=False)
        for row in _pairs(over_draws(part), ours, told, fitted, draws, seed)
    ]
    return pd.DataFrame(rows, columns=list(PAIRED.columns))


def _pairs(
    metrics: pd.DataFrame, models: set[str], told: set[str], fitted: dict[System, str], draws: int, seed: int
) -> Iterator[dict[str, object]]:
    wide = {name: metrics.pivot(index="station", columns=["model", "scenario"], values=name)
            for name in ("n", *PAIRED_METRICS)}  # fmt: skip
    systems = list(wide["n"].columns)
    of = {name: dict(zip(systems, table.to_numpy(float).T, strict=True)) for name, table in wide.items()}
    counts = of.pop("n")
    for ours in (system for system in systems if system[0] in models):
        for rival in (system for system in systems if system != ours):
            shared = ~(np.isnan(counts[ours]) | np.isnan(counts[rival]))
            rows = {system: counts[system][shared] for system in (ours, rival)}
            named = {
                "model": ours[0], "scenario": ours[1], "rows": fitted[ours],
                "rival_model": rival[0], "rival_scenario": rival[1], "rival_rows": fitted[rival],
                "n": int(rows[ours].sum()), "rival_n": int(rows[rival].sum()),
                "unequal": "; ".join(_unequal(ours, rival, told, fitted, rows)),
            }  # fmt: skip
            for metric, by_system in of.items():
                for statistic in STATISTICS:
                    errors = by_system[ours], by_system[rival]
                    one = compare_errors(*errors, draws=draws, seed=seed, statistic=statistic)
                    if one is not None:
                        yield named | {
                            "metric": metric, "statistic": statistic, "ours": one.ours, "theirs": one.theirs,
                            "stations": one.stations, "lower": one.lower, "difference": one.difference,
                            "difference_low": one.low, "difference_high": one.high, "verdict": one.word,
                        }  # fmt: skip


def _unequal(
    ours: System, rival: System, told: set[str], fitted: dict[System, str], rows: Mapping[System, np.ndarray]
) -> Iterator[str]:
    reads = {system: system[0] in told or reads_probes_of_the_day(system[0]) for system in (ours, rival)}
    for mine, other, name in ((ours, rival, "the rival"), (rival, ours, "the system")):
        if reads[other] and not reads[mine]:
            yield f"{name} is told what other probes measured on the day"
        if (fitted[mine], fitted[other]) == ("training", "all"):
            yield f"{name} was fitted on the validation stations too"
    if not (rows[ours] == rows[rival]).all():
        yield "scored on different days"
