"""Turn a Sentinel-2 product into NDVI, NDWI and valid share on the run's grid."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.read import picked
from loam.config.sections.sentinel2 import Sentinel2
from loam.raster.grid import read_grid
from loam.sentinel2.observe import observe


def stage(paths: Paths, values: Values) -> None:
    """Mask, compute, average and write one tile of one day."""
    products = paths["product"] if isinstance(paths["product"], list) else [paths["product"]]
    observe(products, read_grid(paths["grid"]), paths["map"], picked(Sentinel2, values["sentinel2"]))


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
