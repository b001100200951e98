"""Fine-tune the source domain's network on the target domain, once a fold."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.schemas import FOLDS
from loam.io.tables import read_table
from loam.samples.series import open_samples
from loam.training.card import load_members
from loam.training.plan import read_plan
from loam.training.scenarios import fine_tune
from loam.training.train_networks import write_result


def stage(paths: Paths, values: Values) -> None:
    result = fine_tune(
        read_plan(values, paths["weights"]),
        open_samples(paths["target"]),
        read_table(paths["folds"], FOLDS),
        values["training"]["scaling"]["transfer"],
        load_members(paths["pretrained"], paths["pretrained_card"], values["training"][values["model"]]["plugin"]),
    )
    write_result(result, paths["weights"], paths["card"], paths["history"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
