"""Make the level of a network's held-out predictions a weighted mean of several systems', learnt at other stations."""

import json

import pandas as pd

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.level_stack import stack_level
from loam.evaluation.merge import check_card
from loam.io.schemas import FOLDS, LEVEL_WEIGHTS, PREDICTIONS
from loam.io.tables import read_table, write_table


def stage(paths: Paths, values: Values) -> None:
    network, nested = (read_table(paths[name], PREDICTIONS) for name in ("network", "nested_network"))
    check_card(nested, json.loads(paths["nested_card"].read_text(encoding="utf-8")))
    rivals, nested_rivals = (
        pd.concat([read_table(path, PREDICTIONS) for path in paths[name]]) for name in ("rivals", "nested_rivals")
    )
    folds = read_table(paths["folds"], FOLDS)
    stacked, weights = stack_level(network, rivals, nested, nested_rivals, folds, of=values["level"]["stack"]["of"])
    write_table(stacked, paths["predictions"], PREDICTIONS)
    write_table(weights, paths["weights"], LEVEL_WEIGHTS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
