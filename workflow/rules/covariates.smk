# Samples: one row a (station, date) with every covariate and every layer.
# Needs: two tables, given or built; daily moisture of probes where the tables hold covariates only.
# Gives: results/<run>/samples/.


rule build_samples:
    input:
        source_table=CONFIG["samples"]["source"],
        target_table=CONFIG["samples"]["target"],
        daily=expand("results/{{run}}/probes/{domain}/daily.parquet", domain=PROBE_DOMAINS),
        stations=expand("results/{{run}}/probes/{domain}/stations.parquet", domain=PROBE_DOMAINS),
    output:
        source="results/{run}/samples/source.parquet",
        target="results/{run}/samples/target.parquet",
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
        values=pick(CONFIG, "layers", "samples.from", "samples.columns", "samples.groups", "features"),
        code=code_version("build_samples"),
    script:
        "../scripts/build_samples.py"


check_files([CONFIG["samples"]["source"], CONFIG["samples"]["target"]])
