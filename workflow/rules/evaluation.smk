# Evaluation: every held-out prediction, and the scores.
# Needs: results/<run>/samples/, folds/, folds.csv, models/.
# Gives: results/<run>/rivals/, trust/, predictions.parquet, evaluation/.
from loam.config.protocols import LEAVE_ONE_OUT, members_file, trained
from loam.config.rivals import QUICK, job_of, level_file, plugins_of, rivals_of
from loam.config.systems import SLOW_RIVALS, conditioned, mixed, stacked

SCORED = [
    (protocol, model, scenario)
    for protocol in PROTOCOLS
    for model in CONFIG["training"]["models"]
    for scenario in CONFIG["training"][model]["scenarios"]
]
MIX = CONFIG["level"]["mix"]
MIXED = [(protocol, mixed(model), scenario) for protocol, model, scenario in SCORED if model in MIX["models"]]
STACK = CONFIG["level"]["stack"]
STACK_JOBS = list(dict.fromkeys(map(job_of, STACK["of"])))
MOVED = [
    f"results/{{run}}/models/{LEAVE_ONE_OUT}/{name}/{scenario}/predictions.parquet"
    for named, models in ((stacked, STACK["models"]), (conditioned, CONFIG["evaluation"]["conditioned"]))
    for model in models
    for name in [named(model)]
    for scenario in CONFIG["training"][model]["scenarios"]
]
RIVAL_JOBS = list(dict.fromkeys(map(job_of, CONFIG["evaluation"]["rivals"])))


wildcard_constraints:
    rival="|".join([QUICK, *SLOW_RIVALS]),


NEIGHBOURS = [f"training.{model}.neighbours" for model in CONFIG["training"]["models"]]
EVALUATED = ["metrics", "summary", "paired", "coverage", "adaptation", "audit"]


rule predict_held_out:
    input:
        target="results/{run}/samples/target.zarr",
        folds="results/{run}/folds/{protocol}.csv",
        weights=lambda wildcards: members_file("weights.safetensors", wildcards),
        card=lambda wildcards: members_file("card.json", wildcards),
    output:
        predictions="results/{run}/models/{protocol}/{model}/{scenario}/predictions.parquet",
    log:
        "results/{run}/logs/predict_held_out_{protocol}_{model}_{scenario}.log",
    benchmark:
        "results/{run}/benchmarks/predict_held_out_{protocol}_{model}_{scenario}.tsv"
    wildcard_constraints:
        protocol="|".join([*PROTOCOLS, NESTED]),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        values=lambda wildcards: pick(
            CONFIG, "layers", "features", f"training.{wildcards.model}.plugin", f"training.{wildcards.model}.window"
        ),
        code=lambda wildcards: code_version("predict_held_out", PLUGIN_OF[wildcards.model]),
    script:
        "../scripts/predict_held_out.py"


rule predict_rivals:
    input:
        source=SOURCE_SAMPLES,
        target="results/{run}/samples/target.parquet",
        folds="results/{run}/folds/{protocol}.csv",
        level=level_file,
    output:
        predictions="results/{run}/rivals/{protocol}/{rival}/predictions.parquet",
    log:
        "results/{run}/logs/predict_rivals_{protocol}_{rival}.log",
    benchmark:
        "results/{run}/benchmarks/predict_rivals_{protocol}_{rival}.tsv"
    conda:
        "../../envs/geo.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        values=lambda wildcards: pick(CONFIG, "seed", "layers", "features", "evaluation.coarse")
        | {"rivals": rivals_of(wildcards.rival, CONFIG, wildcards.protocol)},
        code=lambda wildcards: code_version("predict_rivals", *plugins_of(wildcards.rival, CONFIG, wildcards.protocol)),
    script:
        "../scripts/predict_rivals.py"


rule mix_level:
    input:
        dynamics="results/{run}/models/{protocol}/{model}/{scenario}/predictions.parquet",
        level=f"results/{{run}}/rivals/{{protocol}}/{job_of(MIX['with'])}/predictions.parquet",
    output:
        predictions=f"results/{{run}}/models/{{protocol}}/{mixed('{model}')}/{{scenario}}/predictions.parquet",
    log:
        "results/{run}/logs/mix_level_{protocol}_{model}_{scenario}.log",
    benchmark:
        "results/{run}/benchmarks/mix_level_{protocol}_{model}_{scenario}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "level.mix.share", "level.mix.dynamics", "level.mix.with"),
        code=code_version("mix_level"),
    script:
        "../scripts/mix_level.py"


rule measure_dissimilarity:
    input:
        source=SOURCE_SAMPLES,
        target="results/{run}/samples/target.parquet",
        folds="results/{run}/folds/{protocol}.csv",
    output:
        dissimilarity="results/{run}/trust/{protocol}/dissimilarity.parquet",
    log:
        "results/{run}/logs/measure_dissimilarity_{protocol}.log",
    benchmark:
        "results/{run}/benchmarks/measure_dissimilarity_{protocol}.tsv"
    conda:
        "../../envs/geo.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        values=pick(CONFIG, "seed", "layers", "features"),
        code=code_version("measure_dissimilarity"),
    script:
        "../scripts/measure_dissimilarity.py"


rule stack_level:
    input:
        **{
            f"{name}{part}": files
            for name, protocol in (("", LEAVE_ONE_OUT), ("nested_", NESTED))
            for part, files in (
                ("network", f"results/{{run}}/models/{protocol}/{{model}}/{{scenario}}/predictions.parquet"),
                ("rivals", [f"results/{{run}}/rivals/{protocol}/{job}/predictions.parquet" for job in STACK_JOBS]),
            )
        },
        folds=f"results/{{run}}/folds/{NESTED}.csv",
        nested_card=lambda wildcards: f"results/{{run}}/{trained(NESTED, wildcards.model, wildcards.scenario)}/card.json",
    output:
        predictions=f"results/{{run}}/models/{LEAVE_ONE_OUT}/{stacked('{model}')}/{{scenario}}/predictions.parquet",
        weights=f"results/{{run}}/models/{LEAVE_ONE_OUT}/{stacked('{model}')}/{{scenario}}/weights.csv",
    log:
        "results/{run}/logs/stack_level_{model}_{scenario}.log",
    benchmark:
        "results/{run}/benchmarks/stack_level_{model}_{scenario}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=pick(CONFIG, "level.stack.of"),
        code=code_version("stack_level"),
    script:
        "../scripts/stack_level.py"


rule condition_predictions:
    input:
        network=f"results/{{run}}/models/{LEAVE_ONE_OUT}/{{model}}/{{scenario}}/predictions.parquet",
        nested=f"results/{{run}}/models/{NESTED}/{{model}}/{{scenario}}/predictions.parquet",
        nested_card=lambda wildcards: f"results/{{run}}/{trained(NESTED, wildcards.model, wildcards.scenario)}/card.json",
        folds=f"results/{{run}}/folds/{NESTED}.csv",
        target="results/{run}/samples/target.parquet",
    output:
        predictions=f"results/{{run}}/models/{LEAVE_ONE_OUT}/{conditioned('{model}')}/{{scenario}}/predictions.parquet",
    log:
        "results/{run}/logs/condition_predictions_{model}_{scenario}.log",
    benchmark:
        "results/{run}/benchmarks/condition_predictions_{model}_{scenario}.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code_version("condition_predictions"),
    script:
        "../scripts/condition_predictions.py"


rule merge_predictions:
    input:
        folds="results/{run}/folds.csv",
        dissimilarity=expand("results/{{run}}/trust/{protocol}/dissimilarity.parquet", protocol=PROTOCOLS),
        rivals=expand(
            "results/{{run}}/rivals/{protocol}/{rival}/predictions.parquet", protocol=PROTOCOLS, rival=RIVAL_JOBS
        ),
        mixed=["results/{run}/models/%s/%s/%s/predictions.parquet" % scored for scored in MIXED],
        moved=MOVED,
        models=["results/{run}/models/%s/%s/%s/predictions.parquet" % scored for scored in SCORED],
        cards=[f"results/{{run}}/{trained(*scored)}/card.json" for scored in SCORED],
    output:
        uncalibrated="results/{run}/evaluation/uncalibrated.parquet",
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


rule calibrate_intervals:
    input:
        uncalibrated="results/{run}/evaluation/uncalibrated.parquet",
    output:
        predictions="results/{run}/predictions.parquet",
        coverage="results/{run}/evaluation/coverage.csv",
    log:
        "results/{run}/logs/calibrate_intervals.log",
    benchmark:
        "results/{run}/benchmarks/calibrate_intervals.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        values=pick(CONFIG, "seed", "evaluation.intervals", "evaluation.bootstrap"),
        code=code_version("calibrate_intervals"),
    script:
        "../scripts/calibrate_intervals.py"


rule score_predictions:
    input:
        predictions="results/{run}/predictions.parquet",
    output:
        metrics="results/{run}/evaluation/metrics.csv",
        summary="results/{run}/evaluation/summary.csv",
        paired="results/{run}/evaluation/paired.csv",
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
        values=pick(CONFIG, "seed", "layers", "training.models", "evaluation.bootstrap", *NEIGHBOURS),
        code=code_version("score_predictions"),
    script:
        "../scripts/score_predictions.py"


rule audit_leakage:
    input:
        folds="results/{run}/folds.csv",
        source=SOURCE_SAMPLES,
        target="results/{run}/samples/target.parquet",
        cards=rules.merge_predictions.input.cards,
        predictions="results/{run}/predictions.parquet",
    output:
        audit="results/{run}/evaluation/audit.csv",
    log:
        "results/{run}/logs/audit_leakage.log",
    benchmark:
        "results/{run}/benchmarks/audit_leakage.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        values=pick(CONFIG, "seed", "layers", "features", "evaluation.bootstrap"),
        code=code_version("audit_leakage"),
    script:
        "../scripts/audit_leakage.py"


rule adapt_levels:
    input:
        predictions="results/{run}/predictions.parquet",
    output:
        adaptation="results/{run}/evaluation/adaptation.csv",
    log:
        "results/{run}/logs/adapt_levels.log",
    benchmark:
        "results/{run}/benchmarks/adapt_levels.tsv"
    conda:
        "../../envs/geo.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        values=pick(CONFIG, "seed", "evaluation.adapt", "evaluation.bootstrap") | {"protocol": PROTOCOLS[0]},
        code=code_version("adapt_levels"),
    script:
        "../scripts/adapt_levels.py"


rule describe_accuracy:
    input:
        **CHOSEN,
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
        values=pick(CONFIG, "seed", "layers", "evaluation.bootstrap") | SYSTEMS | {"protocol": PROTOCOLS[0]},
        code=code_version("describe_accuracy"),
    script:
        "../scripts/describe_accuracy.py"
