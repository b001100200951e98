# Raw data, fetched for the run's region and its sets of stations. The only rules that talk to a network.
# Needs: section `acquire` of the config, credentials in the environment; stations of the probes for point tables.
# Gives: resources/, the list of scenes (target `scenes`), results/<run>/acquire/manifest.csv.
from functools import partial

from loam.acquire.catalogue import FETCHED, HOSTS
from loam.acquire.clients import client_of, scene_clients
from loam.acquire.own_files import own_files
from loam.acquire.acquire_plan import asks, fields_values, map_values, orbit_values, point_map_values
from loam.acquire.run_grid import area_of, class_area_of
from loam.acquire.acquire_plan import scene_values, scenes_file, scenes_values
from loam.io.attempts import attempts_at

AREA = "|".join(sorted({area_of(CONFIG), class_area_of(CONFIG)}))
SCENES = scenes_file(CONFIG)
SCENES_OF_RUN = f"{CONFIG['acquire']['scenes']}/{{run}}.csv"
FIELDS_MANIFEST = "resources/{dataset}/{back_end}_{area}/{span}.manifest.csv"
POINTS_MANIFEST = "resources/{dataset}/points/{back_end}_{run}_{domain}/{span}.manifest.csv"
HOST_LIMITS = {host: partial(asks, host) for host in HOSTS}  # the profile says how many jobs may ask a host at once


wildcard_constraints:
    dataset="[a-z0-9_]+",
    back_end="|".join(FETCHED),
    area=AREA,
    span=r"\d{4}(-\d{2})?",
    variable="[a-z0-9_]+",
    scene="S[12][A-Za-z0-9_.-]+",


rule fetch_maps:
    output:
        map=update("resources/{dataset}/{back_end}_{area}/{variable}.tif"),
    log:
        "resources/logs/fetch_maps/{dataset}_{back_end}_{area}_{variable}.log",
    benchmark:
        "resources/benchmarks/fetch_maps/{dataset}_{back_end}_{area}_{variable}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        **HOST_LIMITS,
        mem_mb=2000,
        runtime=240,
    params:
        values=lambda wildcards: map_values(CONFIG, wildcards.area) | own_files(CONFIG, wildcards),
        attempts=attempts_at("resources/{dataset}/{back_end}_{area}/{variable}.tif"),
        code=lambda wildcards: code_version("fetch_maps", client_of(wildcards.dataset, wildcards.back_end)),
    script:
        "../scripts/fetch_maps.py"


rule fetch_fields:
    output:
        fields=update("resources/{dataset}/{back_end}_{area}/{span}.nc"),
        manifest=update(FIELDS_MANIFEST),
    log:
        "resources/logs/fetch_fields/{dataset}_{back_end}_{area}_{span}.log",
    benchmark:
        "resources/benchmarks/fetch_fields/{dataset}_{back_end}_{area}_{span}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        **HOST_LIMITS,
        mem_mb=2000,
        runtime=240,
    params:
        values=lambda wildcards: fields_values(
            CONFIG, wildcards.dataset, wildcards.span, FIELDS_MANIFEST.format(**wildcards)
        )
        | own_files(CONFIG, wildcards),
        attempts=attempts_at("resources/{dataset}/{back_end}_{area}/{span}.nc"),
        code=lambda wildcards: code_version("fetch_fields", client_of(wildcards.dataset, wildcards.back_end)),
    script:
        "../scripts/fetch_fields.py"


rule fetch_point_maps:
    input:
        stations="results/{run}/probes/{domain}/stations.parquet",
    output:
        points=update("resources/{dataset}/points/{back_end}_{run}_{domain}/maps.parquet"),
    log:
        "resources/logs/fetch_point_maps/{dataset}_{back_end}_{run}_{domain}.log",
    benchmark:
        "resources/benchmarks/fetch_point_maps/{dataset}_{back_end}_{run}_{domain}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        **HOST_LIMITS,
        mem_mb=2000,
        runtime=240,
    params:
        values=lambda wildcards: point_map_values(CONFIG, wildcards.dataset) | own_files(CONFIG, wildcards),
        attempts=attempts_at("resources/{dataset}/points/{back_end}_{run}_{domain}/maps.parquet"),
        code=lambda wildcards: code_version("fetch_point_maps", client_of(wildcards.dataset, wildcards.back_end)),
    script:
        "../scripts/fetch_point_maps.py"


rule fetch_point_fields:
    input:
        stations="results/{run}/probes/{domain}/stations.parquet",
    output:
        points=update("resources/{dataset}/points/{back_end}_{run}_{domain}/{span}.parquet"),
        manifest=update(POINTS_MANIFEST),
    log:
        "resources/logs/fetch_point_fields/{dataset}_{back_end}_{run}_{domain}_{span}.log",
    benchmark:
        "resources/benchmarks/fetch_point_fields/{dataset}_{back_end}_{run}_{domain}_{span}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        **HOST_LIMITS,
        mem_mb=2000,
        runtime=240,
    params:
        values=lambda wildcards: fields_values(
            CONFIG, wildcards.dataset, wildcards.span, POINTS_MANIFEST.format(**wildcards)
        )
        | own_files(CONFIG, wildcards),
        attempts=attempts_at("resources/{dataset}/points/{back_end}_{run}_{domain}/{span}.parquet"),
        code=lambda wildcards: code_version("fetch_point_fields", client_of(wildcards.dataset, wildcards.back_end)),
    script:
        "../scripts/fetch_point_fields.py"


rule list_scenes:
    output:
        scenes=update(SCENES_OF_RUN),
    log:
        "resources/logs/list_scenes/{run}.log",
    benchmark:
        "resources/benchmarks/list_scenes/{run}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        values=scenes_values(CONFIG),
        attempts=attempts_at(SCENES_OF_RUN),
        code=code_version("list_scenes", *scene_clients(CONFIG["acquire"], SCENES, "sentinel1", "sentinel2")),
    script:
        "../scripts/list_scenes.py"


rule fetch_sentinel1:
    input:
        scenes=ancient(SCENES),
    output:
        product=update("resources/sentinel1/{scene}.zip"),
    log:
        "resources/logs/fetch_sentinel1/{scene}.log",
    benchmark:
        "resources/benchmarks/fetch_sentinel1/{scene}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        mem_mb=1000,
        runtime=240,
        scenes=1,
    params:
        values=scene_values(CONFIG, "sentinel1"),
        attempts=attempts_at("resources/sentinel1/{scene}.zip"),
        code=code_version("fetch_sentinel1", *scene_clients(CONFIG["acquire"], SCENES, "sentinel1")),
    script:
        "../scripts/fetch_sentinel1.py"


rule fetch_backscatter:
    input:
        scenes=ancient(SCENES),
    output:
        product=update("resources/sentinel1/earthengine_{area}/{scene}.tif"),
    log:
        "resources/logs/fetch_backscatter/{area}_{scene}.log",
    benchmark:
        "resources/benchmarks/fetch_backscatter/{area}_{scene}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
        earthengine=1,
    params:
        values=scene_values(CONFIG, "sentinel1"),
        attempts=attempts_at("resources/sentinel1/earthengine_{area}/{scene}.tif"),
        code=code_version("fetch_backscatter", *scene_clients(CONFIG["acquire"], SCENES, "sentinel1")),
    script:
        "../scripts/fetch_backscatter.py"


rule fetch_orbit:
    input:
        scenes=ancient(SCENES),
    output:
        orbit=update("resources/orbits/{scene}.EOF"),
    log:
        "resources/logs/fetch_orbit/{scene}.log",
    benchmark:
        "resources/benchmarks/fetch_orbit/{scene}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        mem_mb=1000,
        runtime=60,
        scenes=1,
    params:
        values=orbit_values(CONFIG),
        attempts=attempts_at("resources/orbits/{scene}.EOF"),
        code=code_version("fetch_orbit"),
    script:
        "../scripts/fetch_orbit.py"


rule fetch_sentinel2:
    input:
        scenes=ancient(SCENES),
    output:
        product=update("resources/sentinel2/{scene}/{scene}.json"),
    log:
        "resources/logs/fetch_sentinel2/{scene}.log",
    benchmark:
        "resources/benchmarks/fetch_sentinel2/{scene}.tsv"
    conda:
        "../../envs/acquire.yaml"
    resources:
        mem_mb=2000,
        runtime=240,
        scenes=1,
    params:
        values=scene_values(CONFIG, "sentinel2"),
        attempts=attempts_at("resources/sentinel2/{scene}/{scene}.json"),
        code=code_version("fetch_sentinel2", *scene_clients(CONFIG["acquire"], SCENES, "sentinel2")),
    script:
        "../scripts/fetch_sentinel2.py"


rule merge_manifests:
    input:
        manifests=manifest_files(CONFIG),
    output:
        manifest="results/{run}/acquire/manifest.csv",
    log:
        "results/{run}/logs/merge_manifests.log",
    benchmark:
        "results/{run}/benchmarks/merge_manifests.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_version("merge_manifests"),
    script:
        "../scripts/merge_manifests.py"


rule scenes:
    input:
        asked(demand, "scenes"),
        SCENES,
