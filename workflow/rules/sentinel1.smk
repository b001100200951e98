# Sentinel-1: one GeoTIFF a pass on the run's grid.
# Needs: the list of scenes, their orbits, the elevation model.
# Gives: results/<run>/sentinel1/<date>_<relative orbit>_<platform>.tif; target `sentinel1` makes all that are listed.
from loam.covariates.cube_plan import orbits_of_pass, passes_files, products_of_pass


rule process_sentinel1:
    input:
        products=lambda wildcards: products_of_pass(CONFIG, wildcards.acquired),
        orbits=lambda wildcards: orbits_of_pass(CONFIG, wildcards.acquired),
        dem=CUBE["relief"],
        grid="results/{run}/grid.json",
        land="results/{run}/land.tif",
    output:
        map="results/{run}/sentinel1/{acquired}.tif",
    log:
        "results/{run}/logs/process_sentinel1_{acquired}.log",
    benchmark:
        "results/{run}/benchmarks/process_sentinel1_{acquired}.tsv"
    conda:
        "../../envs/geo.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=pick(CONFIG, "sentinel1"),
        code=code_version("process_sentinel1"),
    script:
        "../scripts/process_sentinel1.py"


rule sentinel1:
    input:
        asked(passes_files, "sentinel1"),
