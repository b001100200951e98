"""Turn the products of one pass of Sentinel-1 into backscatter on the run's grid."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.read import picked
from loam.config.sections.sentinel1 import Sentinel1
from loam.raster.grid import read_grid
from loam.sentinel1.mosaic import mosaic_pass
from loam.sentinel1.scene import process_pass


def stage(paths: Paths, values: Values) -> None:
    """Run the chain over products; put together what was terrain-corrected elsewhere (GeoTIFFs)."""
    dem = paths["dem"][0] if isinstance(paths["dem"], list) else paths["dem"]
    grid, products = read_grid(paths["grid"]), paths["products"]
    if all(product.suffix == ".tif" for product in products):
        mosaic_pass(products, dem, grid, paths["map"])
    else:
        process_pass(
            products,
            dem,
            grid,
            paths["map"],
            picked(Sentinel1, values["sentinel1"]),
            orbits=paths["orbits"],
            threads=values["threads"],
        )


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
