# Evaluation: every held-out prediction, and the scores.
# Needs: results/<run>/samples/, folds.csv, models/.
# Gives: results/<run>/predictions.parquet, results/<run>/evaluation/.


rule predict_held_out:
    input:
        target="results/{run}/samples/target.parquet",
        folds="results/{run}/folds.csv",
        weights="results/{run}/models/{model}/{scenario}/weights.safetensors",
        card="results/{run}/models/{model}/{scenario}/card.json",
    output:
        predictions="results/{run}/models/{model}/{scenario}/predictions.parquet",
    log:
        "results/{run}/logs/predict_held_out_{model}_{scenario}.log",
    benchmark:
        "results/{run}/benchmarks/predict_held_out_{model}_{scenario}.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        values=pick(CONFIG, "layers", "features"),
        code=lambda wildcards: code_version("predict_held_out", network_of(wildcards.model)),
    script:
        "../scripts/predict_held_out.py"


rule predict_baselines:
    input:
        source=SOURCE_SAMPLES,
        target="results/{run}/samples/target.parquet",
        folds="results/{run}/folds.csv",
    output:
        predictions="results/{run}/baselines/predictions.parquet",
    log:
        "results/{run}/logs/predict_baselines.log",
    benchmark:
        "results/{run}/benchmarks/predict_baselines.tsv"
    conda:
        "../../envs/geo.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=pick(CONFIG, "seed", "layers", "features", "evaluation.coarse"),
        code=code_version("predict_baselines"),
    script:
        "../scripts/predict_baselines.py"


rule merge_predictions:
    input:
        folds="results/{run}/folds.csv",
        baselines="results/{run}/baselines/predictions.parquet",
        models=expand(
            "results/{{run}}/models/{model}/{scenario}/predictions.parquet",
            model=CONFIG["training"]["models"],
            scenario=CONFIG["training"]["scenarios"],
        ),
        cards=expand(
            "results/{{run}}/models/{model}/{scenario}/card.json",
            model=CONFIG["training"]["models"],
            scenario=CONFIG["training"]["scenarios"],
        ),
    output:
        predictions="results/{run}/predictions.parquet",
    log:
        "results/{run}/logs/merge_predictions.log",
    benchmark:
        "results/{run}/benchmarks/merge_predictions.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_version("merge_predictions"),
    script:
        "../scripts/merge_predictions.py"


rule score_predictions:
    input:
        predictions="results/{run}/predictions.parquet",
    output:
        metrics="results/{run}/evaluation/metrics.csv",
        summary="results/{run}/evaluation/summary.csv",
    log:
        "results/{run}/logs/score_predictions.log",
    benchmark:
        "results/{run}/benchmarks/score_predictions.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "seed", "layers", "evaluation.bootstrap"),
        code=code_version("score_predictions"),
    script:
        "../scripts/score_predictions.py"


rule describe_accuracy:
    input:
        metrics="results/{run}/evaluation/metrics.csv",
    output:
        accuracy="results/{run}/evaluation/accuracy.csv",
    log:
        "results/{run}/logs/describe_accuracy.log",
    benchmark:
        "results/{run}/benchmarks/describe_accuracy.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        values=pick(CONFIG, "seed", "layers", "evaluation.bootstrap", "mapping.model", "mapping.scenario"),
        code=code_version("describe_accuracy"),
    script:
        "../scripts/describe_accuracy.py"
