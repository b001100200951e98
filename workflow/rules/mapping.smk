# Mapping: the members of one model and scenario, or a rival, run over every pixel of a day.
# Needs: results/<run>/models/, the rasters that the config names, samples and scores for pictures.
# Gives: results/<run>/grid.json, results/<run>/maps/.
from os.path import basename

from loam.acquire.credits import citations_of, licences_of
from loam.covariates.measured_days import measured_days, measured_inputs
from loam.covariates.read.day_files import files_of_day
from loam.config.map_bands import band_names
from loam.config.map_periods import LEAST_RECORD, periods_of, record_of
from loam.config.parts import origin
from loam.config.mapped import held_out_file, members_files
from loam.config.rivals import REGRESSORS
from loam.covariates.cube_plan import cube_months
from loam.mapping.latest_day import files_of_today

RASTERS = "of mapping.inputs"
BANDS = band_names([layer["name"] for layer in CONFIG["layers"]])
MAP_KEYS = [
    "layers",
    "features",
    "day_boundary",
    "covariates",
    "mapping.inputs",
    "mapping.outside",
    "mapping.encoding",
    "mapping.licence",
    "training.device",
]
SYSTEM_PLUGINS = [system["plugin"] for system in SYSTEMS["systems"]]
MAP_FILES = ["soil_moisture.tif", "soil_moisture.png", "trust.tif", "item.json"]
PERIODS = periods_of(CONFIG["mapping"]["dates"], CONFIG["mapping"]["aggregates"])
WINDOW = CONFIG["mapping"]["record_window"]
RECORDS = {day: record_of(day, CONFIG["mapping"]["dates"], WINDOW or 0) for day in CONFIG["mapping"]["dates"]}
COMPARED = [day for day, record in RECORDS.items() if WINDOW is not None and len(record) > LEAST_RECORD]
OF_MANY_DAYS = expand("results/{{run}}/maps/{period}/{file}.tif", period=PERIODS, file=["soil_moisture", "days"])
OF_MANY_DAYS += expand("results/{{run}}/maps/{date}/{file}.tif", date=COMPARED, file=["anomaly", "percentile"])
NETCDF = ["results/{run}/maps/{date}/soil_moisture.nc"] if CONFIG["mapping"]["netcdf"] else []
MAP_FILES += ["zones.csv"] if CONFIG["zones"]["file"] else []
MAP_FILES += ["score.csv"] if CONFIG["mapping"]["truth"] else []
RIVAL_KEYS = ["seed", *(key for key in MAP_KEYS if key != "training.device")]
RIVAL_FILES = {"map": "soil_moisture.tif", "trust": "trust.tif"} | (
    {"score": "score.csv"} if CONFIG["mapping"]["truth"] else {}
)
RIVAL_FILES = {name: f"results/{{run}}/maps/{{date}}/{{rival}}/{file}" for name, file in RIVAL_FILES.items()}
SCORED_DATES = CONFIG["mapping"]["dates"] if CONFIG["mapping"]["truth"] else []
BY_RASTER_ALONE = CONFIG["mapping"]["grid"]["like"] and not CUBE["landcover"]
GRID_FILES = {"grid": "results/{run}/grid.json"} | ({} if BY_RASTER_ALONE else {"land": "results/{run}/land.tif"})
MEMBERS = {"grid": "results/{run}/grid.json", **members_files(SYSTEMS["systems"], MAP_PROTOCOL)}
NEIGHBOURING = any(system["neighbours"] for system in SYSTEMS["systems"])
RIVAL_MAPS = any(system["rival"] for system in SYSTEMS["systems"])
LEARNED = {"learned_source": SOURCE_SAMPLES, "learned_target": "results/{run}/samples/target.parquet"}
LEARNED = LEARNED if RIVAL_MAPS else {}
MEASURED = {"measured": "results/{run}/maps/measured.csv", "level_fields": "results/{run}/maps/level_fields.csv"}
MEASURED = MEASURED if CONFIG["mapping"]["measurements"] else {}
if CONFIG["mapping"]["condition"]:
    HELD_OUT = (PROTOCOLS[0], CONFIG["mapping"]["model"], CONFIG["mapping"]["scenario"])
    MEASURED = {
        "held_out": "results/{run}/models/%s/%s/%s/predictions.parquet" % HELD_OUT,
        "stations": "results/{run}/samples/target.parquet",
    }
BY_INDEX = CONFIG["evaluation"]["intervals"]["method"] == "dissimilarity"
MAPPED_WITH = MEMBERS | LEARNED | MEASURED | CHOSEN
MAP_VALUES = pick(CONFIG, "seed", *MAP_KEYS) | facts_read(CONFIG["features"]) | SYSTEMS
MAP_VALUES |= {"data_licences": licences_of(CONFIG)}


rule build_grid:
    input:
        like=given(CONFIG["mapping"]["grid"]["like"]),
        landcover=CUBE["landcover"],
    output:
        **GRID_FILES,
    log:
        "results/{run}/logs/build_grid.log",
    benchmark:
        "results/{run}/benchmarks/build_grid.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "mapping.tile", "mapping.grid"),
        code=code_version("build_grid"),
    script:
        "../scripts/build_grid.py"


rule choose_model:
    input:
        metrics="results/{run}/evaluation/metrics.csv",
    output:
        chosen="results/{run}/maps/chosen.json",
    log:
        "results/{run}/logs/choose_model.log",
    benchmark:
        "results/{run}/benchmarks/choose_model.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        values=pick(CONFIG, "seed", "layers", "evaluation.bootstrap") | SYSTEMS | {"protocol": PROTOCOLS[0]},
        code=code_version("choose_model"),
    script:
        "../scripts/choose_model.py"


rule calibrate_map:
    input:
        **CHOSEN,
        predictions=[held_out_file(CONFIG, system) for system in SYSTEMS["systems"]],
        dissimilarity=[f"results/{{run}}/trust/{PROTOCOLS[0]}/dissimilarity.parquet"] if BY_INDEX else [],
    output:
        half_widths="results/{run}/maps/half_widths.csv",
    log:
        "results/{run}/logs/calibrate_map.log",
    benchmark:
        "results/{run}/benchmarks/calibrate_map.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        values=pick(CONFIG, "evaluation.intervals") | SYSTEMS,
        code=code_version("calibrate_map"),
    script:
        "../scripts/calibrate_map.py"


rule measure_levels:
    input:
        **MEMBERS,
        measurements=given(CONFIG["mapping"]["measurements"], "measurements of your own, mapping.measurements"),
        rasters=lambda wildcards: measured_inputs(CONFIG)["rasters"],
        static=CUBE["static"] if origin(CONFIG, "target") == "cube" else [],
        dynamic=lambda wildcards: measured_inputs(CONFIG)["months"],
        samples=["results/{run}/samples/target.zarr"] if NEIGHBOURING else [],
        target="results/{run}/samples/target.parquet",
        predictions=rules.calibrate_map.input.predictions,
    output:
        measured="results/{run}/maps/measured.csv",
        level_fields="results/{run}/maps/level_fields.csv",
    log:
        "results/{run}/logs/measure_levels.log",
    benchmark:
        "results/{run}/benchmarks/measure_levels.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        values=lambda wildcards: pick(CONFIG, *MAP_KEYS)
        | facts_read(CONFIG["features"])
        | {"days": measured_days(CONFIG), **SYSTEMS},
        code=code_version("measure_levels", *SYSTEM_PLUGINS),
    script:
        "../scripts/measure_levels.py"


rule measure_area:
    input:
        **CHOSEN,
        source=SOURCE_SERIES,
        target="results/{run}/samples/target.zarr",
    output:
        area="results/{run}/trust/area.npz",
    log:
        "results/{run}/logs/measure_area.log",
    benchmark:
        "results/{run}/benchmarks/measure_area.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "seed", "layers", "features") | SYSTEMS,
        code=code_version("measure_area"),
    script:
        "../scripts/measure_area.py"


rule map_soil_moisture:
    input:
        **MAPPED_WITH,
        rasters=lambda wildcards: GIVEN.there(
            files_of_day(CONFIG["mapping"]["inputs"], CONFIG["features"], wildcards.date), RASTERS
        ),
        static=CUBE["static"] if origin(CONFIG, "target") == "cube" else [],
        dynamic=lambda wildcards: cube_months(CONFIG, wildcards.date),
        samples=["results/{run}/samples/target.zarr"] if NEIGHBOURING else [],
        half_widths="results/{run}/maps/half_widths.csv",
        area="results/{run}/trust/area.npz",
    output:
        map="results/{run}/maps/{date}/soil_moisture.tif",
        trust="results/{run}/maps/{date}/trust.tif",
    log:
        "results/{run}/logs/map_soil_moisture_{date}.log",
    benchmark:
        "results/{run}/benchmarks/map_soil_moisture_{date}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=MAP_VALUES,
        code=code_version("map_soil_moisture", *SYSTEM_PLUGINS),
    script:
        "../scripts/map_soil_moisture.py"


rule map_rival:
    input:
        grid="results/{run}/grid.json",
        source=SOURCE_SAMPLES,
        target="results/{run}/samples/target.parquet",
        rasters=lambda wildcards: GIVEN.there(
            files_of_day(CONFIG["mapping"]["inputs"], CONFIG["features"], wildcards.date), RASTERS
        ),
        static=CUBE["static"] if origin(CONFIG, "target") == "cube" else [],
        dynamic=lambda wildcards: cube_months(CONFIG, wildcards.date),
        truth=given(CONFIG["mapping"]["truth"]),
    output:
        **RIVAL_FILES,
    log:
        "results/{run}/logs/map_rival_{date}_{rival}.log",
    benchmark:
        "results/{run}/benchmarks/map_rival_{date}_{rival}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=lambda wildcards: pick(CONFIG, *RIVAL_KEYS)
        | facts_read(CONFIG["features"])
        | {"data_licences": licences_of(CONFIG), "plugin": REGRESSORS[wildcards.rival]},
        code=lambda wildcards: code_version("map_rival", REGRESSORS[wildcards.rival]),
    script:
        "../scripts/map_rival.py"


rule scale_colours:
    input:
        target="results/{run}/samples/target.parquet",
    output:
        scales="results/{run}/maps/scales.csv",
        styles=expand("results/{{run}}/maps/styles/{band}.qml", band=BANDS),
    log:
        "results/{run}/logs/scale_colours.log",
    benchmark:
        "results/{run}/benchmarks/scale_colours.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        values=pick(CONFIG, "layers", "mapping.scale"),
        code=code_version("scale_colours"),
    script:
        "../scripts/scale_colours.py"


rule draw_map:
    input:
        map="results/{run}/maps/{date}/soil_moisture.tif",
        trust="results/{run}/maps/{date}/trust.tif",
        scales="results/{run}/maps/scales.csv",
        target="results/{run}/samples/target.parquet",
        accuracy="results/{run}/evaluation/accuracy.csv",
    output:
        picture="results/{run}/maps/{date}/soil_moisture.png",
        map_tags="results/{run}/maps/{date}/soil_moisture.tif.aux.xml",
        map_style="results/{run}/maps/{date}/soil_moisture.qml",
        trust_tags="results/{run}/maps/{date}/trust.tif.aux.xml",
        trust_style="results/{run}/maps/{date}/trust.qml",
    log:
        "results/{run}/logs/draw_map_{date}.log",
    benchmark:
        "results/{run}/benchmarks/draw_map_{date}.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "layers", "mapping.zoom"),
        code=code_version("draw_map"),
    script:
        "../scripts/draw_map.py"


rule export_netcdf:
    input:
        map="results/{run}/maps/{date}/soil_moisture.tif",
    output:
        netcdf="results/{run}/maps/{date}/soil_moisture.nc",
    log:
        "results/{run}/logs/export_netcdf_{date}.log",
    benchmark:
        "results/{run}/benchmarks/export_netcdf_{date}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "layers", "day_boundary"),
        code=code_version("export_netcdf"),
    script:
        "../scripts/export_netcdf.py"


rule describe_map:
    input:
        map="results/{run}/maps/{date}/soil_moisture.tif",
        trust="results/{run}/maps/{date}/trust.tif",
        netcdf=NETCDF,
    output:
        item="results/{run}/maps/{date}/item.json",
    log:
        "results/{run}/logs/describe_map_{date}.log",
    benchmark:
        "results/{run}/benchmarks/describe_map_{date}.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        values=pick(CONFIG, "day_boundary") | {"citations": citations_of(CONFIG)},
        code=code_version("describe_map"),
    script:
        "../scripts/describe_map.py"


rule list_maps:
    input:
        described=expand("results/{{run}}/maps/{date}/item.json", date=CONFIG["mapping"]["dates"]),
    output:
        catalogue="results/{run}/maps/catalog.json",
    log:
        "results/{run}/logs/list_maps.log",
    benchmark:
        "results/{run}/benchmarks/list_maps.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code_version("list_maps"),
    script:
        "../scripts/list_maps.py"


rule average_maps:
    input:
        grid="results/{run}/grid.json",
        maps=lambda wildcards: [
            f"results/{wildcards.run}/maps/{day}/soil_moisture.tif" for day in PERIODS[wildcards.period]
        ],
    output:
        map="results/{run}/maps/{period}/soil_moisture.tif",
        days="results/{run}/maps/{period}/days.tif",
    log:
        "results/{run}/logs/average_maps_{period}.log",
    benchmark:
        "results/{run}/benchmarks/average_maps_{period}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        values=pick(CONFIG, "layers", "mapping.encoding", "mapping.licence"),
        code=code_version("average_maps"),
    script:
        "../scripts/average_maps.py"


rule compare_with_record:
    input:
        grid="results/{run}/grid.json",
        map="results/{run}/maps/{date}/soil_moisture.tif",
        record=lambda wildcards: [
            f"results/{wildcards.run}/maps/{day}/soil_moisture.tif" for day in RECORDS[wildcards.date]
        ],
    output:
        anomaly="results/{run}/maps/{date}/anomaly.tif",
        percentile="results/{run}/maps/{date}/percentile.tif",
    log:
        "results/{run}/logs/compare_with_record_{date}.log",
    benchmark:
        "results/{run}/benchmarks/compare_with_record_{date}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        values=pick(CONFIG, "layers", "mapping.licence"),
        code=code_version("compare_with_record"),
    script:
        "../scripts/compare_with_record.py"


rule today:
    input:
        asked(files_of_today, [*MAP_FILES, *map(basename, NETCDF)]),


rule summarise_zones:
    input:
        grid="results/{run}/grid.json",
        map="results/{run}/maps/{date}/soil_moisture.tif",
        trust="results/{run}/maps/{date}/trust.tif",
        zones=given(CONFIG["zones"]["file"], "zones, zones.file"),
    output:
        table="results/{run}/maps/{date}/zones.csv",
        outlines="results/{run}/maps/{date}/zones.parquet",
    log:
        "results/{run}/logs/summarise_zones_{date}.log",
    benchmark:
        "results/{run}/benchmarks/summarise_zones_{date}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "layers", "zones"),
        code=code_version("summarise_zones"),
    script:
        "../scripts/summarise_zones.py"


rule score_map:
    input:
        map="results/{run}/maps/{date}/soil_moisture.tif",
        trust="results/{run}/maps/{date}/trust.tif",
        truth=given(CONFIG["mapping"]["truth"]),
    output:
        score="results/{run}/maps/{date}/score.csv",
    log:
        "results/{run}/logs/score_map_{date}.log",
    benchmark:
        "results/{run}/benchmarks/score_map_{date}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "layers"),
        code=code_version("score_map"),
    script:
        "../scripts/score_map.py"
