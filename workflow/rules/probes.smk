# Probes, from the files as delivered to one row a (station, date).
# Needs: the files in data_dir.
# Gives: sample tables of both domains.

MURRUMBIDGEE = f"{CONFIG['data_dir']}/murrumbidgee"
YANCO = f"{CONFIG['data_dir']}/yanco"


rule build_murrumbidgee_tables:
    input:
        sites=f"{MURRUMBIDGEE}/SiteLocationsWithUniqueID.csv",
        shallow=f"{MURRUMBIDGEE}/shallow.csv",
        middle=f"{MURRUMBIDGEE}/middle.csv",
        deep=f"{MURRUMBIDGEE}/deep.csv",
        s0=f"{MURRUMBIDGEE}/awral_s0_avg.csv",
        ss=f"{MURRUMBIDGEE}/awral_ss_avg.csv",
        sd=f"{MURRUMBIDGEE}/awral_sd_avg.csv",
    output:
        source="results/{run}/tables/murrumbidgee/source.parquet",
        target="results/{run}/tables/murrumbidgee/target.parquet",
        masked="results/{run}/tables/murrumbidgee/masked.csv",
    log:
        "results/{run}/logs/build_murrumbidgee_tables.log",
    benchmark:
        "results/{run}/benchmarks/build_murrumbidgee_tables.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_version("build_murrumbidgee_tables"),
    script:
        "../scripts/build_murrumbidgee_tables.py"


rule build_yanco_tables:
    input:
        sites=f"{YANCO}/sites.csv",
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


if "/tables/murrumbidgee/" in CONFIG["samples"]["source"]:
    check_files(rules.build_murrumbidgee_tables.input)
if "/tables/yanco/" in CONFIG["samples"]["source"]:
    check_files(rules.build_yanco_tables.input)
