# The covariate cube of a run that acquires its data, and samples: one row a (station, date), every covariate and layer.
# Needs: the canonical files of acquire; or two tables, given or built; daily moisture of probes.
# Gives: results/<run>/covariates/static.zarr and dynamic/<month>.zarr (target `cube`), results/<run>/samples/.
from functools import partial

from loam.config.covariates import facts_read
from loam.covariates.cube_plan import cube_inputs, cube_stores, facts_built, files_of_month
from loam.variables import kinds_of

CUBE = cube_inputs(CONFIG)  # the files of the cube and of point tables by name; empty lists where there are none

SAMPLES = {domain: f"results/{{run}}/samples/{domain}.parquet" for domain in domains_of(CONFIG)}
SERIES = {f"{domain}_series": directory(path.removesuffix("parquet") + "zarr") for domain, path in SAMPLES.items()}
SOURCE_SAMPLES = SAMPLES.get("source", [])  # none in a run that trains on its own probes alone
SOURCE_SERIES = SAMPLES["source"].removesuffix("parquet") + "zarr" if SAMPLES.get("source") else []
SAMPLE_KEYS = [
    "layers",
    "samples.from",
    "samples.columns",
    "samples.block",
    "samples.groups",
    "samples.gaps",
    "samples.teachers",
    "features",
    "covariates",
    "acquire.period",
]


rule build_static:
    input:
        grid="results/{run}/grid.json",
        land="results/{run}/land.tif",
        soil=CUBE["soil"],
        terrain=CUBE["terrain"],
        landcover=CUBE["landcover"],
    output:
        static=directory("results/{run}/covariates/static.zarr"),
    log:
        "results/{run}/logs/build_static.log",
    benchmark:
        "results/{run}/benchmarks/build_static.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        values=pick(CONFIG, "covariates.landcover") | facts_built(CONFIG, "maps"),
        code=code_version("build_static"),
    script:
        "../scripts/build_static.py"


rule build_dynamic:
    input:
        **{kind: partial(files_of_month, CONFIG, kind) for kind in (*kinds_of("fields"), *kinds_of("scenes"))},
        grid="results/{run}/grid.json",
    output:
        dynamic=directory("results/{run}/covariates/dynamic/{month}.zarr"),
    log:
        "results/{run}/logs/build_dynamic_{month}.log",
    benchmark:
        "results/{run}/benchmarks/build_dynamic_{month}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=facts_built(CONFIG, "fields", "scenes"),
        code=code_version("build_dynamic"),
    script:
        "../scripts/build_dynamic.py"


rule build_samples:
    input:
        source_table=asked(sample_table, "source"),
        target_table=asked(sample_table, "target"),
        source_points=CUBE["source_points"],
        target_points=CUBE["target_points"],
        grid=CUBE["grid"],
        static=CUBE["static"],
        dynamic=CUBE["dynamic"],
        daily=expand("results/{{run}}/probes/{domain}/daily.parquet", domain=PROBE_DOMAINS),
        stations=expand("results/{{run}}/probes/{domain}/stations.parquet", domain=PROBE_DOMAINS),
    output:
        **SAMPLES,
        **SERIES,
        dropped="results/{run}/samples/dropped.csv",
    log:
        "results/{run}/logs/build_samples.log",
    benchmark:
        "results/{run}/benchmarks/build_samples.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        values=pick(CONFIG, *SAMPLE_KEYS) | facts_read(CONFIG["features"]),
        code=code_version("build_samples"),
    script:
        "../scripts/build_samples.py"


rule cube:
    input:
        asked(cube_stores),
