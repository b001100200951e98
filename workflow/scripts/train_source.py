"""Train one network on the source domain."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import read_table
from loam.training.scenarios import read_plan, train_source, write_result


def stage(paths: Paths, values: Values) -> None:
    result = train_source(read_plan(values), read_table(paths["source"]), values["training"]["validation"])
    write_result(result, paths["weights"], paths["card"], paths["history"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
