"""Measure how unlike its training data every held-out row is."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.features import feature_set
from loam.io.schemas import DISSIMILARITY, FOLDS
from loam.io.tables import read_table, write_table
from loam.trust.held_out_rows import dissimilarity_of_folds


def stage(paths: Paths, values: Values) -> None:
    table = dissimilarity_of_folds(
        read_table(paths["source"]) if paths["source"] else None,
        read_table(paths["target"]),
        read_table(paths["folds"], FOLDS),
        columns=feature_set(values["features"]).columns,
        layers=[layer["name"] for layer in values["layers"]],
        seed=values["seed"],
        threads=values["threads"],
    )
    write_table(table, paths["dissimilarity"], DISSIMILARITY)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
