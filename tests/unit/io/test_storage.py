import errno
from types import SimpleNamespace

import pytest

from loam.io.storage import refusal


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"), (errno.EDQUOT, "quota"), (errno.EACCES, "no permission"),
        (errno.EROFS, "read-only"),
    ],
)  # fmt: skip
def test_what_the_system_refuses_is_one_line_with_the_path(number, words, tmp_path):
    line = refusal(OSError(number, "as the system says it", "results/a.nc"))
    assert line.startswith("results/a.nc: ") and words in line and ";" in line and "\n" not in line
    unnamed = refusal(OSError(number, "as the system says it"), [tmp_path / "new" / "a.nc"])
    assert unnamed.startswith(f"{tmp_path}: ")


def test_the_cause_of_a_librarys_error_counts(tmp_path):
    error = ValueError("cannot write")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert "no space left" in refusal(error, [tmp_path / "a.nc"])


def test_a_full_disk_explains_an_error_that_names_no_cause(tmp_path, monkeypatch):
    error = RuntimeError("NetCDF: HDF error")
    assert refusal(error, [tmp_path / "a.nc"]) is None
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=4096))
    assert refusal(error, [tmp_path / "a.nc"]).startswith(f"{tmp_path}: no space left")


def test_other_errors_are_none_of_the_systems():
    assert refusal(FileNotFoundError(errno.ENOENT, "No such file", "a")) is None and refusal(KeyError("a")) is None
