"""Write the tables of docs/results.md between its marks, from the tables of runs that have been made.

    python docs/generate_results.py [--results results] [run ...]

A mark is ``<!-- KIND RUN LAYER -->`` with KIND one of ``table`` (scores of every system), ``against`` (networks against
rivals, paired), ``coverage``, ``applicability``, ``adaptation`` and ``protocols``; runs that are named, else
all, are written anew.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "results.md"
PROTOCOL = "leave_one_station_out"
METRICS = ["mae", "rmse", "ubrmse", "bias", "r"]
MARK = re.compile(r"(<!-- (\w+) (\w+) (\w+) -->\n).*?(<!-- end -->)", re.S)
OURS = [
    "mlp_within", "mlp_neighbours", "mlp_within_mixed", "mlp_neighbours_mixed", "mlp_neighbours_stacked",
    "mlp_within_conditioned", "lstm_within",
]  # fmt: skip
RIVALS = [
    ("boosted_trees", "both"), ("boosted_trees_all", "both"), ("boosted_trees_neighbours", "both"),
    ("within_station_trees", "both"), ("within_station_trees_neighbours", "both"), ("same_day_mean", "none"),
    ("inverse_distance", "none"), ("kriging", "none"), ("coarse", "none"), ("mlp", "transfer"), ("lstm", "transfer"),
]  # fmt: skip


def table(folder: Path, layer: str) -> list[str]:
    """Median over stations with its interval, mean and pooled values, a row a model and scenario, best RMSE first."""
    summary = of_layer(folder, "summary.csv", layer)
    fitted = rows_of(folder)
    lines = [
        "| model | scenario | fitted on | stations | rows | MAE | RMSE (95 %) | ubRMSE | bias | r (95 %) | mean RMSE "
        "| pooled RMSE | r |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    systems = {key: part.set_index("metric") for key, part in summary.groupby(["model", "scenario"])}
    for (model, scenario), of in sorted(systems.items(), key=lambda item: item[1].loc["rmse", "median"]):
        median = of["median"]
        span = {name: f"{of.loc[name, 'median_low']:.3f} to {of.loc[name, 'median_high']:.3f}" for name in METRICS}
        lines.append(
            f"| {model} | {scenario} | {fitted.get((model, scenario), '')} | {of.loc['rmse', 'stations']} "
            f"| {of.loc['rmse', 'n']} | {median['mae']:.3f} | {median['rmse']:.3f} ({span['rmse']}) "
            f"| {median['ubrmse']:.3f} | {median['bias']:.3f} | {median['r']:.3f} ({span['r']}) "
            f"| {of.loc['rmse', 'mean']:.3f} | {of.loc['rmse', 'pooled']:.3f} | {of.loc['r', 'pooled']:.3f} |"
        )
    record = json.loads((folder / "summary.csv.provenance.json").read_text(encoding="utf-8"))
    return [*lines, "", f"Scored {record['written'][:10]}; code of the scores {record['code']}."]


def against(folder: Path, layer: str) -> list[str]:
    """Mean paired difference of the RMSE and of the ubRMSE, with its interval, of our networks and each rival."""
    paired = of_layer(folder, "paired.csv", layer).query("statistic == 'mean'")
    lines = [
        "| network | rival | RMSE, network - rival (95 %) | lower at | | ubRMSE, network - rival (95 %) | |",
        "|---|---|---|---|---|---|---|",
    ]
    for model in OURS:
        for rival in RIVALS:
            own = paired[
                (paired["model"] == model)
                & (paired["rival_model"] == rival[0])
                & (paired["rival_scenario"] == rival[1])
            ].set_index("metric")
            if not {"rmse", "ubrmse"} <= set(own.index):
                continue
            first, second = own.loc["rmse"], own.loc["ubrmse"]
            lines.append(
                f"| {model} | {' '.join(rival).removesuffix(' none')} | {difference(first)} "
                f"| {first['lower']:.0f} of {first['stations']:.0f} | {first['verdict']} | {difference(second)} "
                f"| {second['verdict']} |"
            )
    return lines


def coverage(folder: Path, layer: str) -> list[str]:
    """How often the 90 % intervals hold, how wide they are."""
    rows = of_layer(folder, "coverage.csv", layer).query("season == 'all' and area == 'all' and level == 0.9")
    lines = [
        "| model | scenario | coverage of 90 % (95 %) | worst station | stations under 80 % | full width | CRPS |",
        "|---|---|---|---|---|---|---|",
    ]
    chosen = rows[rows["model"].isin([*OURS, "boosted_trees_all", "within_station_trees", "mlp"])]
    for row in chosen.itertuples():
        lines.append(
            f"| {row.model} | {row.scenario} | {row.coverage:.2f} ({row.coverage_low:.2f} to {row.coverage_high:.2f}) "
            f"| {row.worst:.2f} | {100 * row.under_80:.0f} % | {row.width:.3f} | {row.crps:.4f} |"
        )
    return lines


def applicability(folder: Path, layer: str) -> list[str]:
    """Error, and how often the 90 % intervals hold, inside and outside the area of applicability."""
    rows = of_layer(folder, "coverage.csv", layer).query("season == 'all' and level == 0.9")
    lines = [
        "| model | scenario | rows outside | RMSE inside (95 %) | outside | coverage of 90 % inside (95 %) | outside |",
        "|---|---|---|---|---|---|---|",
    ]
    for (model, scenario), part in rows.groupby(["model", "scenario"], sort=False):
        of = part.set_index("area")
        if model in [*OURS, "boosted_trees_all", "within_station_trees", "mlp"] and {"inside", "outside"} <= set(
            of.index
        ):
            told = [
                f"{of.loc[area, name]:{digits}} ({of.loc[area, f'{name}_low']:{digits}} to "
                f"{of.loc[area, f'{name}_high']:{digits}})"
                for name, digits in (("rmse", ".3f"), ("coverage", ".2f")) for area in ("inside", "outside")
            ]  # fmt: skip
            lines.append(
                f"| {model} | {scenario} | {100 * of.loc['outside', 'n'] / of.loc['all', 'n']:.0f} % "
                f"| {' | '.join(told)} |"
            )
    return lines


def adaptation(folder: Path, layer: str) -> list[str]:
    """Median RMSE on the days left when some days of the held-out station tell its level."""
    rows = of_layer(folder, "adaptation.csv", layer)
    days = sorted(rows["days"].unique())
    lines = [
        f"| model | scenario | days chosen | {' | '.join(f'{day} days' for day in days)} |",
        "|---|---|---|" + "---|" * len(days),
    ]
    for (model, scenario, how), part in rows.groupby(["model", "scenario", "chosen"], sort=False):
        if model in [*OURS, "boosted_trees_all"] and scenario == "both":
            by_day = part.set_index("days")["rmse"]
            told = " | ".join(f"{by_day[day]:.3f}" if day in by_day else "" for day in days)
            lines.append(f"| {model} | {scenario} | {how} | {told} |")
    return lines


def protocols(folder: Path, layer: str) -> list[str]:
    """Median RMSE, ubRMSE and r of each protocol."""
    summary = pd.read_csv(folder / "summary.csv").query("layer == @layer")
    lines = ["| protocol | model | scenario | stations | RMSE (95 %) | ubRMSE | r |", "|---|---|---|---|---|---|---|"]
    for (protocol, size, model, scenario), part in summary.groupby(
        ["protocol", "size", "model", "scenario"], sort=False
    ):
        of = part.set_index("metric")
        name = f"{protocol} {size}" if size else protocol
        name += " (flatters)" if of["flatters"].any() else ""
        rmse = of.loc["rmse"]
        lines.append(
            f"| {name} | {model} | {scenario} | {rmse['stations']} | {rmse['median']:.3f} ({rmse['median_low']:.3f} to "
            f"{rmse['median_high']:.3f}) | {of.loc['ubrmse', 'median']:.3f} | {of.loc['r', 'median']:.3f} |"
        )
    return lines


KINDS: dict[str, Callable[[Path, str], list[str]]] = {
    "table": table, "against": against, "coverage": coverage, "applicability": applicability,
    "adaptation": adaptation, "protocols": protocols,
}  # fmt: skip


def of_layer(folder: Path, name: str, layer: str) -> pd.DataFrame:
    rows = pd.read_csv(folder / name)
    return rows[(rows["layer"] == layer) & (rows["protocol"] == PROTOCOL)]


def rows_of(folder: Path) -> dict[tuple[str, str], str]:
    """Whose rows fitted each system: with the fold's validation station, or without."""
    paired = pd.read_csv(folder / "paired.csv")
    told = {(row.rival_model, row.rival_scenario): row.rival_rows for row in paired.itertuples()}
    return told | {(row.model, row.scenario): row.rows for row in paired.itertuples()}


def difference(row: pd.Series) -> str:
    return f"{row['difference']:+.4f} ({row['difference_low']:+.4f} to {row['difference_high']:+.4f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    chosen = parser.parse_args()

    def fill(match: re.Match[str]) -> str:
        head, kind, run, layer, end = match.groups()
        if chosen.runs and run not in chosen.runs:
            return match.group(0)
        lines = KINDS[kind](chosen.results / run / "evaluation", layer)
        return f"{head}{chr(10).join(lines)}\n{end}"

    PAGE.write_text(MARK.sub(fill, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
