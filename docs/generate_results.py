"""Write the tables of docs/results.md between its marks, from results/<run>/evaluation/summary.csv."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "results.md"
PROTOCOL = "leave_one_station_out"
METRICS = ["mae", "rmse", "bias", "r"]
MARK = re.compile(r"(<!-- table (\w+) (\w+) -->\n).*?(<!-- end -->)", re.S)


def table(run: str, layer: str) -> str:
    """Median over stations with its interval, and pooled values, one row a model and scenario, best RMSE first."""
    with (ROOT / "results" / run / "evaluation" / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["layer"], row["protocol"]) == (layer, PROTOCOL)]
    systems: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for row in rows:
        systems.setdefault((row["model"], row["scenario"]), {})[row["metric"]] = row
    lines = [
        "| model | scenario | stations | rows | MAE | RMSE (95 %) | bias | r (95 %) | pooled MAE | RMSE | r |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (model, scenario), of in sorted(systems.items(), key=lambda item: float(item[1]["rmse"]["median"])):
        median = {name: f"{float(of[name]['median']):.3f}" for name in METRICS}
        span = {
            name: f"{float(of[name]['median_low']):.3f} to {float(of[name]['median_high']):.3f}" for name in METRICS
        }
        pooled = {name: f"{float(of[name]['pooled']):.3f}" for name in METRICS}
        lines.append(
            f"| {model} | {scenario} | {of['rmse']['stations']} | {of['rmse']['n']} | {median['mae']} "
            f"| {median['rmse']} ({span['rmse']}) | {median['bias']} | {median['r']} ({span['r']}) "
            f"| {pooled['mae']} | {pooled['rmse']} | {pooled['r']} |"
        )
    record = json.loads((ROOT / "results" / run / "evaluation" / "summary.csv.provenance.json").read_text())
    return "\n".join([*lines, "", f"Scored {record['written'][:10]}; code of the scores {record['code']}."])


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    only = set(sys.argv[1:])

    def fill(match: re.Match[str]) -> str:
        head, run, layer, end = match.groups()
        return match.group(0) if only and run not in only else f"{head}{table(run, layer)}\n{end}"

    PAGE.write_text(MARK.sub(fill, text), encoding="utf-8")


if __name__ == "__main__":
    main()
