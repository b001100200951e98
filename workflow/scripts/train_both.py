"""Train one network a fold on the source domain's rows and the target's together."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.schemas import FOLDS
from loam.io.tables import read_table
from loam.samples.series import open_samples
from loam.training.plan import read_plan
from loam.training.scenarios import train_both
from loam.training.train_networks import write_result


def stage(paths: Paths, values: Values) -> None:
    result = train_both(
        read_plan(values, paths["weights"]),
        open_samples(paths["source"]),
        open_samples(paths["target"]),
        read_table(paths["folds"], FOLDS),
        values["training"]["validation"],
        values["training"]["domain_weights"],
    )
    write_result(result, paths["weights"], paths["card"], paths["history"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
