"""Draw a map as a picture: one panel a band, with colour bars and a scale."""

from loam.io.stage import Paths, Values, run_stage
from loam.mapping.picture import draw_map


def stage(paths: Paths, values: Values) -> None:
    draw_map(paths["map"], paths["picture"], values["layers"], f"{values['run']}, {values['date']}")


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
