import errno

import pytest

from loam.errors import AcquireError, StorageError
from loam.io.atomic import atomic_path
from loam.io.storage import explained, refusal


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


@pytest.fixture
def refusing(monkeypatch):
    """``refusing(number)``: from here on the operating system refuses to sync what is written."""

    def refuse(number):
        def sync(descriptor):
            raise OSError(number, "as the system says it")

        monkeypatch.setattr("os.fsync", sync)

    return refuse


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "no space left"), (errno.EDQUOT, "your quota")])
def test_a_disk_that_takes_nothing_explains_an_error_that_names_no_cause(number, words, tmp_path, refusing):
    error = RuntimeError("NetCDF: HDF error")
    assert refusal(error, [tmp_path / "a.nc"]) is None
    refusing(number)
    assert refusal(error, [tmp_path / "a.nc"]).startswith(f"{tmp_path}: {words}")


def test_a_library_that_does_not_tell_why_it_failed_is_explained_with_what_was_written(tmp_path, refusing):
    refusing(errno.ENOSPC)
    written = r"a\.nc: no space left on its disk \(2\.\d MB of it were written, \d+\.\d MB are free\); free some space"
    with pytest.raises(StorageError, match=written), atomic_path(tmp_path / "a.nc") as temporary:
        temporary.write_bytes(bytes(2_000_000))
        raise RuntimeError("NetCDF: HDF error")
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_programs_own_stays_unless_the_disk_is_full(tmp_path, refusing):
    def fail():
        try:
            raise PermissionError(errno.EACCES, "of a socket")
        except OSError as error:
            raise AcquireError("the server cannot be reached") from error

    with pytest.raises(AcquireError, match="cannot be reached"), explained(tmp_path / "a.nc", tmp_path / "part"):
        fail()
    refusing(errno.ENOSPC)
    with pytest.raises(StorageError, match="no space left"), explained(tmp_path / "a.nc", tmp_path / "part"):
        fail()


def test_other_errors_are_none_of_the_systems():
    assert refusal(FileNotFoundError(errno.ENOENT, "No such file", "a")) is None and refusal(KeyError("a")) is None
