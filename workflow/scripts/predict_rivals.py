"""Predict every held-out station with what the networks must beat."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.schemas import FOLDS, PREDICTIONS
from loam.io.tables import read_table, write_table
from loam.rivals.predict_rivals import predict_rivals


def stage(paths: Paths, values: Values) -> None:
    source = read_table(paths["source"]) if paths["source"] else None
    level = read_table(paths["level"], PREDICTIONS) if paths["level"] else None
    folds = read_table(paths["folds"], FOLDS)
    predictions = predict_rivals(source, read_table(paths["target"]), folds, values, level)
    write_table(predictions, paths["predictions"], PREDICTIONS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
