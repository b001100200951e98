import os
import shutil
import time

import pytest

from loam.config import code


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small library: script -> loam.a.one -> loam.b.two; loam.b.other is not reached."""
    files = {
        "lib/loam/__init__.py": "",
        "lib/loam/a/__init__.py": "",
        "lib/loam/a/one.py": "from loam.b import two\n",
        "lib/loam/b/__init__.py": "",
        "lib/loam/b/two.py": "X = 1\n",
        "lib/loam/b/other.py": "Y = 1\n",
        "scripts/work.py": "import numpy\nfrom loam.a.one import two\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "LIBRARY", tmp_path / "lib")
    monkeypatch.setattr(code, "SCRIPTS", tmp_path / "scripts")
    monkeypatch.setattr(code, "KEPT", tmp_path / "kept" / "code.json")
    forget()
    yield tmp_path
    forget()


def forget():
    for found in (code._tree, code._version, code._kept, code._files, code._modules):
        found.cache_clear()


def version_after(tree, name, text, *plugins):
    (tree / name).write_text(text)
    forget()
    return code.code_version("work", *plugins)


def test_closure_follows_imports_and_package_files(tree):
    names = {str(path.relative_to(tree)) for path in code.closure([tree / "scripts/work.py"])}
    assert names == {
        "scripts/work.py", "lib/loam/__init__.py", "lib/loam/a/__init__.py", "lib/loam/a/one.py",
        "lib/loam/b/__init__.py", "lib/loam/b/two.py",
    }  # fmt: skip


def test_code_counts_but_neither_comments_nor_docstrings_nor_other_modules(tree):
    before = code.code_version("work")
    assert version_after(tree, "lib/loam/b/two.py", '"""What it is."""\n# a remark\nX  =  1\n') == before
    assert version_after(tree, "lib/loam/b/other.py", "Y = 2\n") == before
    assert version_after(tree, "lib/loam/b/two.py", "X = 2\n") != before


def test_import_inside_a_function_counts(tree):
    version_after(tree, "lib/loam/b/two.py", "def f():\n    import loam.b.other\n")
    assert tree / "lib/loam/b/other.py" in code.closure([tree / "scripts/work.py"])


def test_a_plugin_counts_where_it_is_named(tree):
    (tree / "lib/loam/b/other.py").write_text("from loam.b import deep\n")
    plugin, without = "loam.b.other:read", code.code_version("work")
    before = version_after(tree, "lib/loam/b/deep.py", "Z = 1\n", plugin)
    assert before != without
    assert version_after(tree, "lib/loam/b/deep.py", "Z = 2\n", plugin) != before
    assert code.code_version("work") == without


def test_relative_imports_are_refused(tree):
    with pytest.raises(ImportError, match="relative import"):
        version_after(tree, "lib/loam/a/one.py", "from ..b import two\n")


def age(tree, seconds=60):
    """Date all files back, so that what is found in them is kept."""
    for path in tree.rglob("*.py"):
        os.utime(path, (time.time() - seconds, path.stat().st_mtime - seconds))


def test_what_a_process_finds_the_next_one_reads_unless_the_file_looks_otherwise(tree, monkeypatch):
    age(tree)
    before = code.code_version("work")
    forget()
    with monkeypatch.context() as patch:
        patch.setattr(code.ast, "parse", None)  # nothing is parsed again
        assert code.code_version("work") == before
    assert version_after(tree, "lib/loam/b/two.py", "X = 2\n") != before
    assert version_after(tree, "lib/loam/b/two.py", "X = 3\n") != version_after(tree, "lib/loam/b/two.py", "X = 2\n")


@pytest.mark.parametrize("kept", ["", "[1]", "{", '{"path": 1}'])
def test_what_cannot_be_read_is_found_again(tree, kept):
    age(tree)
    before = code.code_version("work")
    code.KEPT.write_text(kept.replace("path", str(tree / "scripts/work.py")))
    forget()
    assert code.code_version("work") == before


def test_what_was_found_holds_in_a_copy_and_not_for_a_file_that_was_changed_there(tree, tmp_path, monkeypatch):
    long_ago = time.time() - 60
    for path in tree.rglob("*.py"):
        os.utime(path, (long_ago, long_ago))
    before, copy = code.code_version("work"), tmp_path.parent / f"{tmp_path.name}_copy"
    shutil.copytree(tree, copy)
    monkeypatch.setattr(code, "LIBRARY", copy / "lib")
    monkeypatch.setattr(code, "SCRIPTS", copy / "scripts")
    monkeypatch.setattr(code, "KEPT", copy / "kept" / "code.json")
    forget()
    with monkeypatch.context() as patch:
        patch.setattr(code.ast, "parse", lambda *_, **__: pytest.fail("parsed again"))
        assert code.code_version("work") == before
    assert version_after(copy, "lib/loam/b/two.py", "X = 20\n") != before
