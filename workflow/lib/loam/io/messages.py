"""Snakemake's errors in plain words: what is wrong and what to do, without its internals.

Imported when the workflow is parsed: standard library only.
"""

from __future__ import annotations

import re

INTERRUPTED = "interrupted"  # the last error in the log of a job that was stopped from the keyboard
WHERE = re.compile(r'^\w+( in (rule|file|checkpoint) .*)?[:.]$|^  File ".*", line \d+, in ')
OPERATING = re.compile(r"^(?P<kind>\w*Error): \[Errno (?P<number>\d+)\] (?P<what>[^:]*)(: '(?P<path>[^']*)')?", re.M)
REFUSED = {"1": "no permission", "13": "no permission", "28": "no space left on its disk",
           "30": "its file system is read-only", "122": "your quota on its disk is used up"}  # fmt: skip


def error_text(text: str, kind: str) -> str:
    """``ERROR`` and what Snakemake's ``text`` of an exception of class ``kind`` says, in one line where that can be.

    A traceback of anything but the operating system's errors is a defect and stays whole.
    """
    if found := list(OPERATING.finditer(text)):
        return f"ERROR {_operating(found[-1])}"
    if "Traceback (most recent call last)" in text:
        return text
    if kind == "KeyboardInterrupt":
        return "ERROR interrupted"
    if "Directory cannot be locked" in text:
        return (
            "ERROR another snakemake is at work in this folder, or one was killed; if none is,"
            " `snakemake --unlock` with the same --configfile, then the same command again"
        )
    if kind == "MissingRuleException":
        target = re.search(r"No rule to produce (.*?)(?: \(if you use input functions|$)", text, flags=re.M)
        return f"ERROR {target[1] if target else 'a target'}: no rule makes it; `snakemake --list` names the targets"
    if kind == "MissingInputException":
        return f"ERROR {_missing_input(text)}"
    lines = text.splitlines()
    kept = [line for line in lines if line.strip() and not WHERE.match(line)]
    return "ERROR " + "\n".join(kept or lines)


def _operating(found: re.Match[str]) -> str:
    path, number = found["path"] or "a file", found["number"]
    if number not in REFUSED:
        return f"{path}: {found['what'].strip().lower()}"
    return f"{path}: {REFUSED[number]}; run snakemake in a folder that you can write to and that has space"


def _missing_input(text: str) -> str:
    output = re.search(r"^ +output: (.*)$", text, flags=re.M)
    rule = re.search(r"for rule (\w+)", text)
    files = re.search(r"affected files:\n((?: +.*\n?)+)", text)
    missing = [line.strip() for line in files[1].splitlines()] if files else ["a file"]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    subject = output[1] if output else f"rule {rule[1] if rule else ''}"
    return (
        f"{subject}: it is made from {', '.join(missing[:3])}{more}, which does not exist and which no rule makes;"
        " check the day or name that was asked for, and the periods and files in the config"
    )
