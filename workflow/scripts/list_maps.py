"""List the run's maps in a STAC catalogue."""

from loam.io.stage import Paths, Values, run_stage
from loam.mapping.map_catalogue import write_catalogue


def stage(paths: Paths, values: Values) -> None:
    write_catalogue(values["run"], paths["described"], paths["catalogue"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
