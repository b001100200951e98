"""Move a network's held-out predictions by what the residuals of the other probes of the day say."""

import json

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.condition import condition
from loam.evaluation.merge import check_card
from loam.io.schemas import FOLDS, PREDICTIONS
from loam.io.tables import read_parquet, read_table, write_table


def stage(paths: Paths, values: Values) -> None:
    network, nested = (read_table(paths[name], PREDICTIONS) for name in ("network", "nested"))
    check_card(nested, json.loads(paths["nested_card"].read_text(encoding="utf-8")))
    rows = read_parquet(paths["target"], ["station", "latitude", "longitude"])
    places = rows.groupby("station")[["latitude", "longitude"]].first()
    conditioned = condition(network, nested, read_table(paths["folds"], FOLDS), places)
    write_table(conditioned, paths["predictions"], PREDICTIONS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
