# Samples: one row a (station, date) with every covariate and every layer.
# Needs: two tables, given or built.
# Gives: results/<run>/samples/.


rule build_samples:
    input:
        source_table=CONFIG["samples"]["source"],
        target_table=CONFIG["samples"]["target"],
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
        values=pick(CONFIG, "layers", "samples.columns", "samples.groups", "features"),
        code=code_version("build_samples"),
    script:
        "../scripts/build_samples.py"


check_files([CONFIG["samples"]["source"], CONFIG["samples"]["target"]])
