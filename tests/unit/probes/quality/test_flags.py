from __future__ import annotations

from loam.probes.quality.flags import Flag


def test_every_flag_is_a_bit_of_its_own():
    assert sum(Flag) == 2 ** len(Flag) - 1


def test_the_reference_page_lists_every_flag_with_its_bit(project):
    page = (project / "docs/reference/probe-flags.md").read_text(encoding="utf-8")
    for flag in Flag:
        assert f"| {flag.value} | `{flag.name.lower()}` |" in page
