from __future__ import annotations

import pytest

from loam.probes.quality.flags import Flag, flag_names


def test_every_flag_is_a_bit_of_its_own():
    assert sum(Flag) == 2 ** len(Flag) - 1


def test_names_are_lower_case_and_in_the_order_of_the_bits():
    assert flag_names(Flag.SPIKE | Flag.OUT_OF_RANGE) == ["out_of_range", "spike"]
    assert flag_names(0) == []


@pytest.mark.parametrize("mask", [-1, 1 << len(Flag)])
def test_a_bit_without_a_flag_is_refused(mask):
    with pytest.raises(ValueError, match="no flag"):
        flag_names(mask)


def test_the_reference_page_lists_every_flag_with_its_bit(project):
    page = (project / "docs/reference/probe-flags.md").read_text(encoding="utf-8")
    for flag in Flag:
        assert f"| {flag.value} | `{flag.name.lower()}` |" in page
