"""How far off a map is where nobody has put a probe, in a sentence a layer that stands above every map.

The error is that of the mapped model and scenario at the stations that were held out, the median over them of the RMSE.
Beside it stands the best rival: whatever else the run scored, but for what is told of other probes on the day where the
map is not. ``better`` is said only where the 95 % interval of the median paired difference leaves zero out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from loam.config.protocols import FLATTERS
from loam.config.systems import reads_probes_of_the_day
from loam.evaluation.paired import Paired, compare
from loam.io.schemas import ACCURACY
from loam.report.finding import METRIC
from loam.report.words import UNIT, System, layer_name, number, plain_name

NONE = "none"
ALONE, UNKNOWN = "no rival", "not known"


def accuracies(
    metrics: pd.DataFrame,
    layers: Sequence[Mapping[str, Any]],
    mapped: System,
    *,
    draws: int,
    seed: int,
    protocol: str = "leave_one_station_out",
) -> pd.DataFrame:
    """What is known of a map's error, one row a layer.

    Args:
        metrics: schema METRICS_TABLE, a row a station, layer and system.
        layers: of the config: name, top_cm, bottom_cm.
        mapped: model and scenario that make the map.
        draws: bootstrap draws of the stations.
        seed: of the draws.
        protocol: that held the stations out; a text says where it flatters.

    Returns:
        Schema ACCURACY. Errors in m3 m-3, and the map's also in mm of water over the layer; ``difference`` is map -
        rival. NaN and ``none`` where there is nothing to tell; ``text`` says that too.
    """
    rows = [_row(metrics[metrics["layer"] == layer["name"]], layer, mapped, draws, seed) for layer in layers]
    table = pd.DataFrame(rows, columns=list(ACCURACY.columns)).assign(protocol=protocol)
    if protocol in FLATTERS:
        table["text"] += f" Protocol {protocol} flatters: {FLATTERS[protocol]}."
    return table


def _row(metrics: pd.DataFrame, layer: Mapping[str, Any], mapped: System, draws: int, seed: int) -> dict[str, object]:
    by_system = metrics.pivot(index="station", columns=["model", "scenario"], values=METRIC)
    row = {"layer": layer["name"], "model": mapped[0], "scenario": mapped[1], "stations": 0, "verdict": UNKNOWN}
    row |= {"rival_model": NONE, "rival_scenario": NONE}
    errors = by_system[mapped].dropna() if mapped in by_system.columns else pd.Series(dtype=float)
    if errors.empty:
        text = "how far off the map is at a place without a probe is not known: no held-out station has scores"
        return row | {"text": f"{layer_name(layer)}: {text} of {plain_name(mapped)}."}
    rmse = float(errors.median())
    water = rmse * 10 * (layer["bottom_cm"] - layer["top_cm"])
    row |= {"stations": len(errors), "rmse": rmse, "millimetres": water}
    rival, paired = _best_rival(by_system, mapped, draws, seed)
    told = _beside(rival, paired, len(errors))
    if rival and paired:
        row |= {"rival_model": rival[0], "rival_scenario": rival[1], "rival_rmse": paired.theirs}
        row |= {"difference": paired.difference, "difference_low": paired.low, "difference_high": paired.high}
    where = f"Medians over {len(errors)} held-out stations" if len(errors) > 1 else "Of one held-out station"
    text = (
        f"{layer_name(layer)}: at a place without a probe expect ±{number(rmse, METRIC)} {UNIT}, about "
        f"{_millimetres(water)} mm in {layer['bottom_cm'] - layer['top_cm']:g} cm; {told}. {where}; the map is by "
        f"{plain_name(mapped)}."
    )
    return row | {"verdict": paired.word if paired else ALONE, "text": text}


def _best_rival(by_system: pd.DataFrame, mapped: System, draws: int, seed: int) -> tuple[System | None, Paired | None]:
    """The rival with the lowest median among those that are clearly better, or among all where none is."""
    found = {}
    for system in by_system.columns:
        easier = reads_probes_of_the_day(system[0]) and not reads_probes_of_the_day(mapped[0])
        if not (system == mapped or easier) and (paired := compare(by_system, mapped, system, draws=draws, seed=seed)):
            found[system] = paired
    better = [system for system, paired in found.items() if paired.worse]
    best = min(better or found, key=lambda system: found[system].theirs, default=None)
    return best, found.get(best)


def _beside(rival: System | None, paired: Paired | None, stations: int) -> str:
    if rival is None or paired is None:
        return "the run has no rival to compare it with"
    error = number(paired.theirs, METRIC)
    if paired.stations < stations:
        error += f" at the {paired.stations} of these stations that both have"
    name = plain_name(rival)
    if paired.worse:
        return f"{name} did better: {error}"
    if paired.better:
        return f"the best rival, {name}, did worse: {error}"
    if paired.stations == 1:
        return f"one station does not tell it from {name}: {error}"
    return f"no clear difference to the best rival, {name}: {error}"


def _millimetres(water: float) -> str:
    return f"{water:.0f}" if water >= 9.95 or not math.isfinite(water) else f"{water:.1f}"
