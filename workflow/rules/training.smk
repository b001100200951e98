# Training: folds, pretraining on the source domain, training on the target domain, fine-tuning.
# Needs: results/<run>/samples/.
# Gives: results/<run>/folds.csv, results/<run>/models/<model>/<scenario>/.
from loam.protocols.names import protocol_of
from loam.training.network_names import network_of

TRAINING_KEYS = [
    "seed",
    "layers",
    "features",
    "training.learning_rate",
    "training.batch_size",
    "training.epochs",
    "training.patience",
    "training.device",
]


rule draw_folds:
    input:
        target="results/{run}/samples/target.parquet",
    output:
        folds="results/{run}/folds.csv",
    log:
        "results/{run}/logs/draw_folds.log",
    benchmark:
        "results/{run}/benchmarks/draw_folds.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        values=pick(CONFIG, "seed", "layers"),
        code=code_version("draw_folds", protocol_of("leave_one_station_out")),
    script:
        "../scripts/draw_folds.py"


rule train_source:
    input:
        source="results/{run}/samples/source.parquet",
    output:
        weights="results/{run}/models/{model}/source/weights.safetensors",
        card="results/{run}/models/{model}/source/card.json",
        history="results/{run}/models/{model}/source/history.csv",
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
        values=lambda wildcards: pick(CONFIG, *TRAINING_KEYS, "training.validation", f"training.{wildcards.model}"),
        code=lambda wildcards: code_version("train_source", network_of(wildcards.model)),
    script:
        "../scripts/train_source.py"


rule train_target:
    input:
        source=SOURCE_SAMPLES,
        target="results/{run}/samples/target.parquet",
        folds="results/{run}/folds.csv",
    output:
        weights="results/{run}/models/{model}/target/weights.safetensors",
        card="results/{run}/models/{model}/target/card.json",
        history="results/{run}/models/{model}/target/history.csv",
    log:
        "results/{run}/logs/train_target_{model}.log",
    benchmark:
        "results/{run}/benchmarks/train_target_{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        values=lambda wildcards: pick(
            CONFIG, *TRAINING_KEYS, "training.validation", "training.scaling.target", f"training.{wildcards.model}"
        ),
        code=lambda wildcards: code_version("train_target", network_of(wildcards.model)),
    script:
        "../scripts/train_target.py"


rule fine_tune:
    input:
        pretrained="results/{run}/models/{model}/source/weights.safetensors",
        pretrained_card="results/{run}/models/{model}/source/card.json",
        target="results/{run}/samples/target.parquet",
        folds="results/{run}/folds.csv",
    output:
        weights="results/{run}/models/{model}/transfer/weights.safetensors",
        card="results/{run}/models/{model}/transfer/card.json",
        history="results/{run}/models/{model}/transfer/history.csv",
    log:
        "results/{run}/logs/fine_tune_{model}.log",
    benchmark:
        "results/{run}/benchmarks/fine_tune_{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        values=lambda wildcards: pick(
            CONFIG, *TRAINING_KEYS, "training.scaling.transfer", f"training.{wildcards.model}"
        ),
        code=lambda wildcards: code_version("fine_tune", network_of(wildcards.model)),
    script:
        "../scripts/fine_tune.py"
