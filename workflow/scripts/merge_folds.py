"""Put the folds of all protocols into one table."""

import pandas as pd

from loam.io.stage import Paths, Values, run_stage
from loam.io.schemas import FOLDS
from loam.io.tables import read_table, write_table


def stage(paths: Paths, values: Values) -> None:
    folds = pd.concat([read_table(path, FOLDS) for path in paths["folds"]], ignore_index=True)
    write_table(folds, paths["merged"], FOLDS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
