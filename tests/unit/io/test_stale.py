import json
import os
import shutil

import pytest

from loam.io.provenance import appearance, provenance_path, write_provenance
from loam.io.stale import made_from_other
from loam.io.verify import Job

VALUES = {"seed": 1, "model": "mlp"}


@pytest.fixture
def job(tmp_path):
    """A product that was made from a file, a folder and a store."""
    table, folder, store = tmp_path / "table.csv", tmp_path / "raw", tmp_path / "static.zarr"
    table.write_text("a\n1\n")
    for path in (folder, store):
        path.mkdir()
        (path / "0").write_text("one")
    write_provenance([store], [], rule="build", code="c", values={})
    product, inputs = tmp_path / "samples.csv", [table, folder, store]
    product.write_text("sample")
    seen = {str(path): appearance(path) for path in inputs}
    write_provenance([product], inputs, rule="sample", code="c0de", values=VALUES, seen=seen)
    return Job("sample", [product], inputs, VALUES, "c0de")


def replace(path, text, older_by=0):
    """Give ``path`` other content and a time that is ``older_by`` seconds before its own."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns - older_by * 10**9))


def test_what_was_made_from_the_same_is_up_to_date_whether_or_not_it_is_still_there(job):
    assert made_from_other(job) is None
    job.outputs[0].unlink()
    assert made_from_other(job) is None


@pytest.mark.parametrize(("text", "older_by"), [("a\n2\n", 3600), ("a\n2\n", -3600), ("a\n1\n2\n", 0)])
def test_a_file_with_other_bytes_is_noticed_by_its_time_or_size(job, text, older_by):
    table = job.inputs[0]
    replace(table, text, older_by)
    assert made_from_other(job) == f"{table} is not what it was made from"


def test_a_file_of_a_folder_with_other_bytes_is_noticed(job):
    replace(job.inputs[1] / "0", "two", older_by=3600)
    assert made_from_other(job) == f"{job.inputs[1]} is not what it was made from"


def test_a_store_counts_by_its_record(job):
    store = job.inputs[2]
    write_provenance([store], [], rule="build", code="d", values={})
    assert made_from_other(job) is None
    (store / "0").write_text("two")
    write_provenance([store], [], rule="build", code="c", values={})
    assert made_from_other(job) == f"{store} is not what it was made from"


def test_a_copy_with_another_time_is_hashed_once(job, monkeypatch):
    replace(job.inputs[0], "a\n1\n", older_by=60)
    assert made_from_other(job, refresh=True) is None
    monkeypatch.setattr("loam.io.stale._hash", lambda path, looks: pytest.fail(f"{path} is hashed again"))
    assert made_from_other(job) is None


def test_nothing_is_written_where_nothing_is_to_be_refreshed(job):
    replace(job.inputs[0], "a\n1\n", older_by=60)
    before = provenance_path(job.outputs[0]).read_bytes()
    made_from_other(job)
    assert provenance_path(job.outputs[0]).read_bytes() == before


def test_an_input_more_or_less_is_noticed(job, tmp_path):
    more = job._replace(inputs=[*job.inputs, tmp_path / "b.csv"])
    assert made_from_other(more) == f"{tmp_path / 'b.csv'} was not among what it was made from"
    less = job._replace(inputs=job.inputs[1:])
    assert made_from_other(less) == f"{job.inputs[0]} was among what it was made from"


def test_an_input_that_was_removed_does_not_count(job):
    job.inputs[0].unlink()
    shutil.rmtree(job.inputs[1])
    assert made_from_other(job) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [({"values": {**VALUES, "seed": 2}}, "seed is 1, here 2"), ({"code": "d"}, "by other code")],
)
def test_another_config_or_code_is_noticed(job, change, words):
    assert made_from_other(job._replace(**change)) == words


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"config_hash": 1}'])
def test_a_record_that_cannot_be_read_counts_as_other(job, text):
    provenance_path(job.outputs[0]).write_text(text)
    assert made_from_other(job) == "its provenance cannot be read"


def test_a_record_without_looks_is_hashed(job):
    path = provenance_path(job.outputs[0])
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "seen": {}}))
    assert made_from_other(job) is None
    replace(job.inputs[0], "a\n3\n", older_by=60)
    assert made_from_other(job) == f"{job.inputs[0]} is not what it was made from"
