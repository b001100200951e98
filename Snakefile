# loam: daily soil-moisture maps by transfer learning. `snakemake --cores 16` makes everything the config asks for.
import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, f"{workflow.basedir}/workflow/lib")  # reaches every script too

from loam.acquire.acquire_plan import check_acquire, manifest_files, sample_table
from loam.config.code import code_version
from loam.config.parts import demand, domains_of, makes, probe_domains
from loam.config.protocols import NESTED, OF_MAP
from loam.config.settings import load_config, pick, pick_model
from loam.datasets.named import datasets_named
from loam.errors import LoamError
from loam.io.parent import name_head
from loam.io.stale import check_when_planned
from loam.io.terminal import speak
from loam.io.verify import check_when_done
from loam.sandbox.sandbox_plan import kinds_made

if " " in sys.executable:
    sys.exit(f"Snakemake cannot start a Python whose path holds a blank: {sys.executable}; move the clone or its .venv")
name_head()
speak(workflow)
check_when_planned(workflow)
check_when_done(workflow, WorkflowError)


configfile: f"{workflow.basedir}/config/config.yaml"


try:
    CONFIG = load_config(config)
    check_acquire(CONFIG)
except LoamError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    run=CONFIG["run"],
    domain="source|target",
    protocol="|".join([*CONFIG["training"]["protocols"], NESTED, *OF_MAP]),
    model="|".join(CONFIG["training"]["models"]),
    scenario="source|target|transfer|both",
    date=r"\d{4}-\d{2}-\d{2}",
    month=r"\d{4}-\d{2}",
    period=r"\d{4}(-(\d{2}|DJF|MAM|JJA|SON))?",


include: "workflow/rules/checks.smk"
include: "workflow/rules/acquire.smk"


if kinds_made(CONFIG):

    include: "workflow/rules/sandbox.smk"


include: "workflow/rules/probes.smk"
include: "workflow/rules/covariates.smk"
include: "workflow/rules/sentinel1.smk"
include: "workflow/rules/sentinel2.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/mapping.smk"
include: "workflow/rules/report.smk"


for name in datasets_named(CONFIG):

    include: f"workflow/rules/datasets/{name}.smk"


RESULTS = [
    *expand("results/{run}/evaluation/{table}.csv", run=CONFIG["run"], table=EVALUATED),
    *EXPORTED,
    *expand("results/{run}/maps/{date}/{file}", run=CONFIG["run"], date=CONFIG["mapping"]["dates"], file=MAP_FILES),
    *expand(OF_MANY_DAYS, run=CONFIG["run"]),
    *(expand("results/{run}/maps/catalog.json", run=CONFIG["run"]) if CONFIG["mapping"]["dates"] else []),
    *expand(
        [*RIVAL_FILES.values()], run=CONFIG["run"], date=CONFIG["mapping"]["dates"], rival=CONFIG["mapping"]["rivals"]
    ),
    *expand("results/{run}/report/index.html", run=CONFIG["run"]),
    *(expand("results/{run}/acquire/manifest.csv", run=CONFIG["run"]) if manifest_files(CONFIG) else []),
]


rule all:
    default_target: True
    input:
        {"scores": RESULTS, "probes": rules.probes.input, "cube": rules.cube.input}[makes(CONFIG)],
