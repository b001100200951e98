# The Yanco probes of 2016 to 2019 with their covariates, a table a domain.
# Needs: {data_dir}/yanco (docs/how-to/get-the-real-data.md).
# Gives: results/<run>/tables/yanco/.
YANCO = f"{CONFIG['data_dir']}/yanco"


rule build_yanco_tables:
    input:
        sites=given(f"{YANCO}/sites.csv"),
        stations=sorted(str(path) for path in Path(YANCO).glob("stations/*.csv")),
    output:
        source="results/{run}/tables/yanco/source.parquet",
        target="results/{run}/tables/yanco/target.parquet",
    log:
        "results/{run}/logs/build_yanco_tables.log",
    benchmark:
        "results/{run}/benchmarks/build_yanco_tables.tsv"
    conda:
        "../../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_version("datasets/build_yanco_tables"),
    script:
        "../../scripts/datasets/build_yanco_tables.py"
