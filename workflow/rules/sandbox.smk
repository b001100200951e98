# The synthetic world, in the place of acquire: its satellites, weather, maps and probes, and the truth.
# Needs: section `sandbox` of the config, the list of scenes; stations of the probes for point tables.
# Gives: the files of acquire, resources/probes/<run>/, results/<run>/truth/ (read by evaluation only).
from loam.sandbox.sandbox_plan import manifests_beside, sandbox_fields, sandbox_fields_values
from loam.sandbox.sandbox_plan import sandbox_map_values, sandbox_maps
from loam.sandbox.sandbox_plan import sandbox_orbits, sandbox_point_fields, sandbox_point_map_values, sandbox_point_maps
from loam.sandbox.sandbox_plan import sandbox_products, truth_values, world_values

RUN = CONFIG["run"]
SOURCE_STATIONS = f"results/{RUN}/probes/source/stations.parquet"


rule make_sandbox_maps:
    output:
        maps=sandbox_maps(CONFIG),
    log:
        f"results/{RUN}/logs/make_sandbox_maps.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_maps.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=sandbox_map_values(CONFIG),
        code=code_version("make_sandbox_maps"),
    script:
        "../scripts/make_sandbox_maps.py"


rule make_sandbox_fields:
    output:
        fields=sandbox_fields(CONFIG),
        manifests=manifests_beside(sandbox_fields(CONFIG)),
    log:
        f"results/{RUN}/logs/make_sandbox_fields.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_fields.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        values=sandbox_fields_values(CONFIG, "target"),
        code=code_version("make_sandbox_fields"),
    script:
        "../scripts/make_sandbox_fields.py"


rule make_sandbox_point_maps:
    input:
        stations=SOURCE_STATIONS,
    output:
        points=sandbox_point_maps(CONFIG),
    log:
        f"results/{RUN}/logs/make_sandbox_point_maps.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_point_maps.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        values=sandbox_point_map_values(CONFIG),
        code=code_version("make_sandbox_point_maps"),
    script:
        "../scripts/make_sandbox_point_maps.py"


rule make_sandbox_point_fields:
    input:
        stations=SOURCE_STATIONS,
    output:
        points=sandbox_point_fields(CONFIG),
        manifests=manifests_beside(sandbox_point_fields(CONFIG)),
    log:
        f"results/{RUN}/logs/make_sandbox_point_fields.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_point_fields.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        values=sandbox_fields_values(CONFIG, "source"),
        code=code_version("make_sandbox_point_fields"),
    script:
        "../scripts/make_sandbox_point_fields.py"


rule make_sandbox_probes:
    output:
        files=directory(f"resources/probes/{RUN}/target/files"),
        description=f"resources/probes/{RUN}/target/description.yaml",
        stations=f"resources/probes/{RUN}/target/stations.csv",
        faults=f"resources/probes/{RUN}/planted_faults.csv",
    log:
        f"results/{RUN}/logs/make_sandbox_probes.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_probes.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=world_values(CONFIG),
        code=code_version("make_sandbox_probes"),
    script:
        "../scripts/make_sandbox_probes.py"


rule make_sandbox_network:
    output:
        download=directory(f"resources/probes/{RUN}/source"),
    log:
        f"results/{RUN}/logs/make_sandbox_network.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_network.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        values=world_values(CONFIG),
        code=code_version("make_sandbox_network"),
    script:
        "../scripts/make_sandbox_network.py"


rule make_sandbox_scenes:
    output:
        scenes=scenes_file(CONFIG),
    log:
        f"results/{RUN}/logs/make_sandbox_scenes.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_scenes.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        values=pick(CONFIG, "seed", "sandbox"),
        code=code_version("make_sandbox_scenes"),
    script:
        "../scripts/make_sandbox_scenes.py"


rule make_sandbox_sentinel1:
    output:
        products=sandbox_products(CONFIG, "sentinel1"),
        orbits=sandbox_orbits(CONFIG),
    log:
        f"results/{RUN}/logs/make_sandbox_sentinel1.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_sentinel1.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=pick(CONFIG, "seed", "sandbox"),
        code=code_version("make_sandbox_sentinel1"),
    script:
        "../scripts/make_sandbox_sentinel1.py"


rule make_sandbox_sentinel2:
    output:
        products=sandbox_products(CONFIG, "sentinel2"),
    log:
        f"results/{RUN}/logs/make_sandbox_sentinel2.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_sentinel2.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=pick(CONFIG, "seed", "sandbox"),
        code=code_version("make_sandbox_sentinel2"),
    script:
        "../scripts/make_sandbox_sentinel2.py"


rule make_sandbox_truth:
    output:
        truth=f"results/{RUN}/truth/soil_moisture.nc",
    log:
        f"results/{RUN}/logs/make_sandbox_truth.log",
    benchmark:
        f"results/{RUN}/benchmarks/make_sandbox_truth.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        values=truth_values(CONFIG),
        code=code_version("make_sandbox_truth"),
    script:
        "../scripts/make_sandbox_truth.py"
