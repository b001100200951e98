import pytest

from loam.io.atomic import atomic_path, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    write_text("old", path)
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_keeps_folder_and_suffix(tmp_path):
    with atomic_path(tmp_path / "new" / "a.tif") as temporary:
        assert temporary.parent == tmp_path / "new" and temporary.suffix == ".tif"
        temporary.write_bytes(b"x")
    assert (tmp_path / "new" / "a.tif").read_bytes() == b"x"


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.csv"):
        pass
