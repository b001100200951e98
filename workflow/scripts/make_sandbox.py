"""Make the synthetic world: sample tables of both domains and the rasters of the target region."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import write_table
from loam.sandbox.source import source_table
from loam.sandbox.target import build_target, target_table
from loam.sandbox.world import write_maps, write_series


def stage(paths: Paths, values: Values) -> None:
    write_table(source_table(values["seed"], values["sandbox"]), paths["source"])
    target = build_target(values["seed"], values["sandbox"], values["mapping"]["dates"])
    write_table(target_table(target, values["seed"]), paths["target"])
    write_maps(target, paths)
    write_series(target, paths)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
