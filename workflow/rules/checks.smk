# What the config must say and which files must be there, for what is asked for.
# Needs: CONFIG.
# Gives: given(path, about), asked(function, ...).
from loam.acquire.ready import lacking, planned_job
from loam.config.given import GUIDE, Given, block
from loam.io.start import check_before_start

TABLES = "a table of your own, docs/how-to/bring-your-own-table.md"
GIVEN = Given(planning=workflow.is_main_process)


def given(paths, about=GUIDE):
    """An input function that gives a path, or paths, of files that no rule makes; what is not there is said at the end.

    `about` says what they are and where to get them.
    """
    return lambda wildcards: GIVEN.there(paths or [], about)


def asked(function, *arguments):
    """An input function that gives `function(CONFIG, *arguments)`; Snakemake calls it when something asks for its rule.

    What then lacks ends Snakemake with the message as its last lines, no rule and no traceback around it.
    """

    def files(wildcards):
        try:
            found = function(CONFIG, *arguments) or []
        except LoamError as error:
            sys.exit(f"{type(error).__name__}: {error}")
        return GIVEN.there(found, TABLES)

    return files


def what_lacks(jobs):
    """What the planned jobs lack, as a text; None for nothing."""
    lines = [*GIVEN.lines(CONFIG), *lacking(CONFIG, map(planned_job, jobs))]
    return block(CONFIG["run"], lines) if lines else None


check_before_start(workflow, what_lacks, WorkflowError)
