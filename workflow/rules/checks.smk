# What the config must say and which files must be there, for what is asked for.
# Needs: CONFIG.
# Gives: check_files(paths), asked(function, ...).


def check_files(paths):
    """Stop before any job starts if one of the paths is missing."""
    try:
        require_files(CONFIG, paths)
    except LoamError as error:
        raise WorkflowError(str(error)) from None


def asked(function, *arguments):
    """An input function that gives `function(CONFIG, *arguments)`; Snakemake calls it when something asks for its rule.

    What then lacks ends Snakemake with the message as its last lines, no rule and no traceback around it.
    """

    def files(wildcards):
        try:
            return function(CONFIG, *arguments) or []
        except LoamError as error:
            sys.exit(f"{type(error).__name__}: {error}")

    return files
