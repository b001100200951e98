"""One bad file among many is a warning; nothing but bad files is an error."""

from __future__ import annotations

import pandas as pd
import pytest

from loam.errors import TableError
from loam.probes.left_out import read_each


def read(name):
    yield pd.DataFrame({"file": [name]})
    if "bad" in name:
        raise TableError("is bad", where=name)


def test_the_others_are_read_and_the_bad_one_is_named(caplog):
    frames = list(read_each(["one", "bad", "two"], read, []))
    assert [frame["file"].iloc[0] for frame in frames] == ["one", "bad", "two"]
    assert "left out: bad: is bad" in caplog.text and "what stands before it is kept" in caplog.text


def test_nothing_but_bad_files_is_the_first_ones_error():
    with pytest.raises(TableError, match="bad 1: is bad"):
        list(read_each(["bad 1", "bad 2"], read, []))
    with pytest.raises(TableError, match="worse"):
        list(read_each(["bad 1"], read, [TableError("worse")]))
