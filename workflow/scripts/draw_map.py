"""Draw a map as a picture: one panel a band, with colour bars and a scale."""

from loam.io.stage import Paths, Values, run_stage
from loam.mapping.picture import draw_map


def stage(paths: Paths, values: Values) -> None:
    title = f"{values['run']}, {values['date']}"
    draw_map(paths["map"], paths["trust"], paths["picture"], values["layers"], title)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
