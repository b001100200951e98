# The synthetic world of the default run.
# Needs: a seed.
# Gives: sample tables of both domains, rasters of the target region, the true moisture.


rule make_sandbox:
    output:
        source="results/{run}/tables/sandbox/source.parquet",
        target="results/{run}/tables/sandbox/target.parquet",
        elevation="results/{run}/world/elevation.tif",
        awc="results/{run}/world/awc.tif",
        soc="results/{run}/world/soc.tif",
        clay="results/{run}/world/clay.tif",
        landcover="results/{run}/world/landcover.tif",
        weather="results/{run}/world/weather.nc",
        coarse_moisture="results/{run}/world/coarse_moisture.nc",
    log:
        "results/{run}/logs/make_sandbox.log",
    benchmark:
        "results/{run}/benchmarks/make_sandbox.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "seed", "sandbox", "mapping.dates"),
        code=code_version("make_sandbox"),
    script:
        "../scripts/make_sandbox.py"


rule make_sandbox_truth:
    output:
        truth="results/{run}/truth/soil_moisture.nc",
    log:
        "results/{run}/logs/make_sandbox_truth.log",
    benchmark:
        "results/{run}/benchmarks/make_sandbox_truth.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "seed", "sandbox", "mapping.dates"),
        code=code_version("make_sandbox_truth"),
    script:
        "../scripts/make_sandbox_truth.py"
