# Files that no rule makes are looked for when the workflow is parsed.
# Needs: CONFIG.
# Gives: check_files(paths).


def check_files(paths):
    """Stop before any job starts if one of the paths is missing."""
    try:
        require_files(CONFIG, paths)
    except LoamError as error:
        raise WorkflowError(str(error)) from None
