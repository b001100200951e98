"""Predict every held-out station with the baselines."""

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.baselines import predict_baselines
from loam.io.schemas import FOLDS, PREDICTIONS
from loam.io.tables import read_table, write_table


def stage(paths: Paths, values: Values) -> None:
    source = read_table(paths["source"]) if paths["source"] else None
    target = read_table(paths["target"])
    predictions = predict_baselines(source, target, read_table(paths["folds"], FOLDS), values)
    write_table(predictions, paths["predictions"], PREDICTIONS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
