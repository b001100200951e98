# Probes, from the files as delivered to daily moisture of the layers.
# Needs: the files that the config names.
# Gives: results/<run>/probes/<domain>/ (target `probes`); tables as CSV.
from loam.probes.probe_files import probe_files
from loam.probes.formats import FORMATS, VARIABLES
from loam.variables import facts_of

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


rule probes:
    input:
        asked(demand, "probes"),
        PROBE_TABLES,
