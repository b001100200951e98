# Sentinel-2: NDVI, NDWI and the share of valid pixels on the run's grid, one GeoTIFF a day and tile.
# Needs: the list of scenes.
# Gives: results/<run>/sentinel2/<date>_<tile>.tif; target `sentinel2` makes all that are listed.
from loam.covariates.cube_plan import passes_files, products_of_day


rule index_sentinel2:
    input:
        product=lambda wildcards: products_of_day(CONFIG, wildcards.acquired),
        grid="results/{run}/grid.json",
        land="results/{run}/land.tif",
    output:
        map="results/{run}/sentinel2/{acquired}.tif",
    log:
        "results/{run}/logs/index_sentinel2_{acquired}.log",
    benchmark:
        "results/{run}/benchmarks/index_sentinel2_{acquired}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=pick(CONFIG, "sentinel2"),
        code=code_version("index_sentinel2"),
    script:
        "../scripts/index_sentinel2.py"


rule sentinel2:
    input:
        asked(passes_files, "sentinel2"),
