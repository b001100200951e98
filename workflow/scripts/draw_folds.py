"""Draw the folds of a protocol on the target domain."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.schemas import FOLDS
from loam.io.tables import read_table, write_table
from loam.training.folds import draw_folds


def stage(paths: Paths, values: Values) -> None:
    layers = [layer["name"] for layer in values["layers"]]
    write_table(draw_folds(read_table(paths["target"]), layers, values["seed"]), paths["folds"], FOLDS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
