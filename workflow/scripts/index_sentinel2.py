"""Turn a Sentinel-2 product into NDVI, NDWI and valid share on the run's grid."""

from loam.io.stage import Paths, Values, run_stage
from loam.grid import read_grid
from loam.sentinel2.masks import MaskRules
from loam.sentinel2.observe import observe


def stage(paths: Paths, values: Values) -> None:
    """Mask, compute, average and write one tile of one day."""
    rules = values["sentinel2"]
    products = paths["product"] if isinstance(paths["product"], list) else [paths["product"]]
    observe(
        products,
        read_grid(paths["grid"]),
        paths["map"],
        MaskRules(tuple(rules["scl"]), rules["cloud_probability"], rules["snow_probability"], rules["cloud_buffer"]),
        rules["minimum_share"],
    )


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
