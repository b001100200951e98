"""Say how far a few days of a new probe bring a system's error down at stations that were held out."""

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.adapt import adaptation
from loam.io.schemas import ADAPTATION, MERGED
from loam.io.tables import read_table, write_table


def stage(paths: Paths, values: Values) -> None:
    told = values["evaluation"]
    table = adaptation(
        read_table(paths["predictions"], MERGED), told["adapt"], values["protocol"], draws=told["bootstrap"],
        seed=values["seed"],
    )  # fmt: skip
    write_table(table, paths["adaptation"], ADAPTATION)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
