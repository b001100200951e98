"""A failed replacement is counted until one succeeds, and the count then stays as the run that succeeded saw it."""

from __future__ import annotations

import pytest

from loam.io.attempts import attempts_of, replacing


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "2020-03.nc"
    path.write_text("kept")
    return path


def fail(path):
    with pytest.raises(RuntimeError), replacing([path]):
        raise RuntimeError("the server is gone")


def test_success_leaves_no_trace(file, tmp_path):
    with replacing([file]):
        assert attempts_of(file) == 1, "a kill would leave it so"
    assert attempts_of(file) == 0 and list(tmp_path.iterdir()) == [file]


def test_failures_are_counted_and_a_success_keeps_the_count(file):
    fail(file)
    fail(file)
    assert attempts_of(file) == 2
    with replacing([file]):
        pass
    assert attempts_of(file) == 2


def test_a_file_that_was_not_there_is_not_counted(tmp_path):
    fail(tmp_path / "new.nc")
    assert attempts_of(tmp_path / "new.nc") == 0 and not list(tmp_path.iterdir())
