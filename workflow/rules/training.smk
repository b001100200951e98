# Training: folds, pretraining on the source domain, training on the target domain, fine-tuning.
# Needs: results/<run>/samples/.
# Gives: results/<run>/folds/<protocol>.csv, folds.csv, results/<run>/models/<protocol>/<model>/<scenario>/; what is
# trained on the source domain alone does not depend on folds: results/<run>/models/source/<model>/; and what is trained
# on every station, for the map alone, stands in results/<run>/models/all/.
from loam.config.mapped import map_systems
from loam.config.protocols import folds_of_all, map_protocol, protocol_of

TRAINING_KEYS = ["seed", "layers", "features", "training.device"]
PLUGIN_OF = {model: CONFIG["training"][model]["plugin"] for model in CONFIG["training"]["models"]}
PROTOCOLS = CONFIG["training"]["protocols"]
PROTOCOL_OF = OF_MAP | {
    protocol: protocol_of(protocol, CONFIG["training"]["protocol_path"]) for protocol in [*PROTOCOLS, NESTED]
}
MAP_PROTOCOL = map_protocol(CONFIG)
SYSTEMS = {"systems": map_systems(CONFIG)}  # that may make the map
CHOSEN = {"chosen": "results/{run}/maps/chosen.json"} if len(SYSTEMS["systems"]) > 1 else {}
FOLD_SETTINGS = CONFIG["training"]["protocol_settings"] | dict.fromkeys(OF_MAP, folds_of_all(CONFIG))


rule draw_folds:
    input:
        target="results/{run}/samples/target.parquet",
    output:
        folds="results/{run}/folds/{protocol}.csv",
    log:
        "results/{run}/logs/draw_folds_{protocol}.log",
    benchmark:
        "results/{run}/benchmarks/draw_folds_{protocol}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        values=lambda wildcards: pick(CONFIG, "seed", "layers", "samples.groups")
        | {"training": {"protocol_settings": {wildcards.protocol: FOLD_SETTINGS[wildcards.protocol]}}}
        | {"plugin": PROTOCOL_OF[wildcards.protocol]},
        code=lambda wildcards: code_version("draw_folds", PROTOCOL_OF[wildcards.protocol]),
    script:
        "../scripts/draw_folds.py"


rule merge_folds:
    input:
        folds=expand("results/{{run}}/folds/{protocol}.csv", protocol=PROTOCOLS),
    output:
        merged="results/{run}/folds.csv",
    log:
        "results/{run}/logs/merge_folds.log",
    benchmark:
        "results/{run}/benchmarks/merge_folds.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code_version("merge_folds"),
    script:
        "../scripts/merge_folds.py"


rule train_source:
    input:
        source="results/{run}/samples/source.zarr",
    output:
        weights="results/{run}/models/source/{model}/weights.safetensors",
        card="results/{run}/models/source/{model}/card.json",
        history="results/{run}/models/source/{model}/history.csv",
    log:
        "results/{run}/logs/train_source_{model}.log",
    benchmark:
        "results/{run}/benchmarks/train_source_{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        values=lambda wildcards: pick_model(CONFIG, wildcards.model, *TRAINING_KEYS, "training.validation"),
        code=lambda wildcards: code_version("train_source", PLUGIN_OF[wildcards.model]),
    script:
        "../scripts/train_source.py"


rule train_target:
    input:
        source=SOURCE_SERIES,
        target="results/{run}/samples/target.zarr",
        folds="results/{run}/folds/{protocol}.csv",
    output:
        weights="results/{run}/models/{protocol}/{model}/target/weights.safetensors",
        card="results/{run}/models/{protocol}/{model}/target/card.json",
        history="results/{run}/models/{protocol}/{model}/target/history.csv",
    log:
        "results/{run}/logs/train_target_{protocol}_{model}.log",
    benchmark:
        "results/{run}/benchmarks/train_target_{protocol}_{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        values=lambda wildcards: pick_model(
            CONFIG, wildcards.model, *TRAINING_KEYS, "training.validation", "training.scaling.target"
        ),
        code=lambda wildcards: code_version("train_target", PLUGIN_OF[wildcards.model]),
    script:
        "../scripts/train_target.py"


rule train_both:
    input:
        source="results/{run}/samples/source.zarr",
        target="results/{run}/samples/target.zarr",
        folds="results/{run}/folds/{protocol}.csv",
    output:
        weights="results/{run}/models/{protocol}/{model}/both/weights.safetensors",
        card="results/{run}/models/{protocol}/{model}/both/card.json",
        history="results/{run}/models/{protocol}/{model}/both/history.csv",
    log:
        "results/{run}/logs/train_both_{protocol}_{model}.log",
    benchmark:
        "results/{run}/benchmarks/train_both_{protocol}_{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        values=lambda wildcards: pick_model(
            CONFIG, wildcards.model, *TRAINING_KEYS, "training.validation", "training.domain_weights"
        ),
        code=lambda wildcards: code_version("train_both", PLUGIN_OF[wildcards.model]),
    script:
        "../scripts/train_both.py"


rule fine_tune:
    input:
        pretrained="results/{run}/models/source/{model}/weights.safetensors",
        pretrained_card="results/{run}/models/source/{model}/card.json",
        target="results/{run}/samples/target.zarr",
        folds="results/{run}/folds/{protocol}.csv",
    output:
        weights="results/{run}/models/{protocol}/{model}/transfer/weights.safetensors",
        card="results/{run}/models/{protocol}/{model}/transfer/card.json",
        history="results/{run}/models/{protocol}/{model}/transfer/history.csv",
    log:
        "results/{run}/logs/fine_tune_{protocol}_{model}.log",
    benchmark:
        "results/{run}/benchmarks/fine_tune_{protocol}_{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        values=lambda wildcards: pick_model(CONFIG, wildcards.model, *TRAINING_KEYS, "training.scaling.transfer"),
        code=lambda wildcards: code_version("fine_tune", PLUGIN_OF[wildcards.model]),
    script:
        "../scripts/fine_tune.py"
