# AWRA-L's water stores at the OzNet stations of the Murrumbidgee, as covariates.
# Needs: {data_dir}/murrumbidgee (docs/how-to/get-the-real-data.md).
# Gives: results/<run>/covariates/murrumbidgee.parquet.
MURRUMBIDGEE = f"{CONFIG['data_dir']}/murrumbidgee"


rule build_murrumbidgee_covariates:
    input:
        s0=given(f"{MURRUMBIDGEE}/awral_s0_avg.csv"),
        ss=given(f"{MURRUMBIDGEE}/awral_ss_avg.csv"),
        sd=given(f"{MURRUMBIDGEE}/awral_sd_avg.csv"),
    output:
        covariates="results/{run}/covariates/murrumbidgee.parquet",
    log:
        "results/{run}/logs/build_murrumbidgee_covariates.log",
    benchmark:
        "results/{run}/benchmarks/build_murrumbidgee_covariates.tsv"
    conda:
        "../../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_version("datasets/build_murrumbidgee_covariates"),
    script:
        "../../scripts/datasets/build_murrumbidgee_covariates.py"
