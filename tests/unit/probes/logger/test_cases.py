"""The table of bad input, docs/reference/probe-errors.md, line by line."""

from __future__ import annotations

import logger_cases
import pytest
from logger_cases import CASES, run

from loam.probes.readings import READINGS


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_input_is_handled_or_refused_as_the_page_says(case, tmp_path):
    readings, text = run(case, tmp_path)
    assert case.says in text
    if not case.handled:
        assert case.says, "a refusal needs words to be known by"
        assert readings is None
        return
    assert readings is not None, text
    assert bool(text) == bool(case.says), text
    if not readings.empty:
        READINGS.validate(readings)
    if case.check is not None:
        assert case.check(readings)


def test_the_page_holds_what_the_reader_does():
    assert logger_cases.PAGE.read_text(encoding="utf-8") == logger_cases.page(), (
        "run: python tests/data/logger_cases.py"
    )
