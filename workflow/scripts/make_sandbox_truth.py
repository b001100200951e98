"""Make the true moisture of the synthetic world on the days that are mapped."""

from loam.io.stage import Paths, Values, run_stage
from loam.sandbox.target import build_target
from loam.sandbox.world import write_truth


def stage(paths: Paths, values: Values) -> None:
    write_truth(build_target(values["seed"], values["sandbox"], values["mapping"]["dates"]), paths["truth"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
