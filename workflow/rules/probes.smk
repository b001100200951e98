# Probes, from the files as delivered to daily moisture of the layers, and the covariates that come with them.
# Needs: the files that the config names, or those in data_dir.
# Gives: results/<run>/probes/<domain>/ (target `probes`), results/<run>/covariates/, sample tables of Yanco; tables as CSV.
from loam.probes.files import files_of_format, probe_files
from loam.probes.formats import FORMATS, VARIABLES
from loam.variables import facts_of

MURRUMBIDGEE = f"{CONFIG['data_dir']}/murrumbidgee"
YANCO = f"{CONFIG['data_dir']}/yanco"
PROBE_DOMAINS = probe_domains(CONFIG)
PROBE_TABLES = expand(
    "results/{run}/probes/{domain}/{file}",
    run=CONFIG["run"],
    domain=PROBE_DOMAINS,
    file=["daily.parquet", "daily.csv", "stations.parquet", "stations.csv", "qc_report.csv"],
)
EXPORTED = [*PROBE_TABLES, f"results/{CONFIG['run']}/predictions.csv"]


rule prepare_probes:
    input:
        files=lambda wildcards: GIVEN.there(*probe_files(CONFIG["probes"], wildcards.domain)),
    output:
        daily="results/{run}/probes/{domain}/daily.parquet",
        stations="results/{run}/probes/{domain}/stations.parquet",
        report="results/{run}/probes/{domain}/qc_report.csv",
    log:
        "results/{run}/logs/prepare_probes_{domain}.log",
    benchmark:
        "results/{run}/benchmarks/prepare_probes_{domain}.tsv"
    conda:
        "../../envs/probes.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        values=lambda wildcards: pick(
            CONFIG,
            "layers",
            "day_boundary",
            f"probes.{wildcards.domain}",
            f"probes.calibration.{wildcards.domain}",
            "probes.minimum_share",
            "probes.layer_share",
            "probes.smoothing",
            "probes.quality",
            "probes.maps",
        )
        | {"variables": facts_of(VARIABLES)},
        code=lambda wildcards: code_version("prepare_probes", FORMATS[CONFIG["probes"][wildcards.domain]["format"]]),
    script:
        "../scripts/prepare_probes.py"


rule export_table:
    input:
        table="results/{run}/{table}.parquet",
    output:
        csv="results/{run}/{table}.csv",
    log:
        "results/{run}/logs/export_table/{table}.log",
    benchmark:
        "results/{run}/benchmarks/export_table/{table}.tsv"
    wildcard_constraints:
        table="predictions|probes/(source|target)/(daily|stations)",
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        code=code_version("export_table"),
    script:
        "../scripts/export_table.py"


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
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_version("build_murrumbidgee_covariates"),
    script:
        "../scripts/build_murrumbidgee_covariates.py"


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
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        values=pick(CONFIG, "covariates"),
        code=code_version("build_uscrn_covariates"),
    script:
        "../scripts/build_uscrn_covariates.py"


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
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_version("build_yanco_tables"),
    script:
        "../scripts/build_yanco_tables.py"


rule probes:
    input:
        asked(demand, "probes"),
        PROBE_TABLES,
