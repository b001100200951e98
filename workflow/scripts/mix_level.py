"""Share the level of a network's held-out predictions with a rival's."""

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.level_mix import mix_level
from loam.io.schemas import PREDICTIONS
from loam.io.tables import read_table, write_table


def stage(paths: Paths, values: Values) -> None:
    dynamics, level = (read_table(paths[name], PREDICTIONS) for name in ("dynamics", "level"))
    mix = values["level"]["mix"]
    mixed = mix_level(dynamics, level, rival=mix["with"], share=mix["share"], dynamics=mix["dynamics"])
    write_table(mixed, paths["predictions"], PREDICTIONS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
