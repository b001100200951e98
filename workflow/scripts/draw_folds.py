"""Draw the folds of a protocol on the target domain."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.schemas import FOLDS
from loam.io.tables import read_parquet, write_table
from loam.training.folds import draw_folds


def stage(paths: Paths, values: Values) -> None:
    layers, protocol = [layer["name"] for layer in values["layers"]], values["protocol"]
    columns = ["station", "date", "latitude", "longitude", *layers, *values["samples"]["groups"]]
    rows, settings = read_parquet(paths["target"], columns), values["training"]["protocol_settings"][protocol]
    folds = draw_folds(rows, layers, values["seed"], protocol, settings, values["plugin"])
    write_table(folds, paths["folds"], FOLDS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
