# Weather of the day and sums of rain at the stations of the US Climate Reference Network, as covariates.
# Needs: the probes' own files, of format uscrn.
# Gives: results/<run>/covariates/uscrn.parquet.
from loam.probes.probe_files import files_of_format


rule build_uscrn_covariates:
    input:
        probes=given(files_of_format(CONFIG["probes"], "uscrn")),
    output:
        covariates="results/{run}/covariates/uscrn.parquet",
    log:
        "results/{run}/logs/build_uscrn_covariates.log",
    benchmark:
        "results/{run}/benchmarks/build_uscrn_covariates.tsv"
    conda:
        "../../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        values=pick(CONFIG, "covariates"),
        code=code_version("datasets/build_uscrn_covariates"),
    script:
        "../../scripts/datasets/build_uscrn_covariates.py"
