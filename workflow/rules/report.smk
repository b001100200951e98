# Report: one self-contained page.
# Needs: predictions, scores, training histories, maps.
# Gives: results/<run>/report/index.html, and its numbers as text.
from loam.io.terminal import map_lines

REPORTED_MAPS = [
    *expand(
        "results/{{run}}/maps/{date}/{file}",
        date=CONFIG["mapping"]["dates"],
        file=["soil_moisture.png", "trust.tif"],
    ),
    *expand("results/{{run}}/maps/{date}/score.csv", date=SCORED_DATES),
    *(["results/{run}/evaluation/accuracy.csv", *CHOSEN.values()] if CONFIG["mapping"]["dates"] else []),
]


rule build_report:
    input:
        predictions="results/{run}/predictions.parquet",
        metrics="results/{run}/evaluation/metrics.csv",
        summary="results/{run}/evaluation/summary.csv",
        folds="results/{run}/folds.csv",
        dropped="results/{run}/samples/dropped.csv",
        checked=expand("results/{{run}}/probes/{domain}/qc_report.csv", domain=PROBE_DOMAINS),
        cards=rules.merge_predictions.input.cards,
        maps=REPORTED_MAPS,
        manifests=rules.merge_manifests.output if manifest_files(CONFIG) else [],
        template=f"{workflow.basedir}/workflow/lib/loam/report/page.html.jinja",
    output:
        text="results/{run}/report/summary.txt",
        page=report("results/{run}/report/index.html", category="report"),
    log:
        "results/{run}/logs/build_report.log",
    benchmark:
        "results/{run}/benchmarks/build_report.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        values=CONFIG | SYSTEMS,
        code=code_version("build_report"),
    script:
        "../scripts/build_report.py"


onsuccess:
    for line in map_lines(workflow, f"results/{CONFIG['run']}/evaluation/accuracy.csv"):
        logger.info(line)
