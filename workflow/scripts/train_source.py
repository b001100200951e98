"""Train one network on the source domain."""

from loam.io.stage import Paths, Values, run_stage
from loam.samples.series import open_samples
from loam.training.plan import read_plan
from loam.training.scenarios import train_source
from loam.training.train_networks import write_result


def stage(paths: Paths, values: Values) -> None:
    plan = read_plan(values, paths["weights"])
    result = train_source(plan, open_samples(paths["source"]), values["training"]["validation"])
    write_result(result, paths["weights"], paths["card"], paths["history"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
