"""An attempt to replace a file that failed is remembered beside the file, so that the next run makes it again.

What a rule declares with Snakemake's ``update()`` is put back when its job fails, and the job is then recorded as done
with its new params: a month that could not be fetched anew would never be asked for again. So the number of failed
attempts stands in ``.<name>.attempts`` beside the file and is one of the rule's params: it differs from what Snakemake
recorded exactly after a failure.

Imported when the workflow is parsed: standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loam.io.atomic import write_text


def attempts_of(path: str | Path) -> int:
    """How many attempts to replace ``path`` have failed."""
    try:
        return int(_note(Path(path)).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return 0


def attempts_at(template: str) -> Callable[[Any], int]:
    """A rule's param: how many attempts to replace the file that ``template`` names by the job's wildcards failed."""
    return lambda wildcards: attempts_of(template.format(**wildcards))


@contextmanager
def replacing(paths: Iterable[Path]) -> Iterator[None]:
    """While those of ``paths`` that exist are replaced: a failed attempt is counted, a kill of the process too."""
    before = {path: attempts_of(path) for path in paths if path.is_file()}
    for path, count in before.items():
        write_text(str(count + 1), _note(path))
    yield
    for path, count in before.items():
        if count:
            write_text(str(count), _note(path))
        else:
            _note(path).unlink(missing_ok=True)


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.attempts")
