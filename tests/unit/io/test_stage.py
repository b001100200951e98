import errno
import json
import logging
import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest

from loam.io.stage import run_stage
from loam.errors import TableError
from loam.io.atomic import write_text
from loam.io.lock import sole_writer
from loam.io.parent import HEAD, SHOWN
from loam.io.progress import PROGRESS


class Named(list):
    """What Snakemake's input and output look like: a list with names."""

    def __init__(self, **files):
        super().__init__(files.values())
        self.files = files

    def items(self):
        return self.files.items()


@pytest.fixture
def job(tmp_path):
    (tmp_path / "in.txt").write_text("abc")
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield SimpleNamespace(
        input=Named(table=str(tmp_path / "in.txt"), many=[str(tmp_path / "in.txt")]),
        output=Named(copy=str(tmp_path / "out.txt")),
        params=SimpleNamespace(code="c0de", get=lambda name, default: {"seed": 1}),
        wildcards=Named(model="mlp"),
        log=[str(tmp_path / "logs" / "job.log")],
        rule="copy",
        threads=2,
    )
    for handler in root.handlers[:]:
        handler.close()
        root.removeHandler(handler)
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


def test_a_stage_gets_paths_and_values_and_leaves_provenance(job, tmp_path):
    def stage(paths, values):
        assert values == {"seed": 1, "model": "mlp", "threads": 2}
        assert paths["many"] == [tmp_path / "in.txt"]
        paths["copy"].write_text(paths["table"].read_text())

    run_stage(job, stage)
    record = json.loads((tmp_path / "out.txt.provenance.json").read_text())
    assert record["inputs"] == {
        str(tmp_path / "in.txt"): "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    }
    assert record["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert record["code"] == "c0de" and record["config"] == {"seed": 1, "model": "mlp"}


def test_an_input_that_changes_while_it_is_read_ends_the_job(job, tmp_path, capsys):
    def stage(paths, values):
        paths["copy"].write_text(paths["table"].read_text())
        paths["table"].write_text("another")

    with pytest.raises(SystemExit):
        run_stage(job, stage)
    assert f"{tmp_path / 'in.txt'}: was changed or removed while this job read it" in capsys.readouterr().err
    assert not (tmp_path / "out.txt.provenance.json").exists()


def test_a_librarys_deprecations_are_not_shown_to_the_user(job, tmp_path):
    def stage(paths, values):
        paths["copy"].touch()
        warnings.warn_explicit("use another", DeprecationWarning, "geobox.py", 1, module="odc.geo.geobox")
        warnings.warn_explicit("ours", DeprecationWarning, "grid.py", 1, module="loam.raster.grid")
        warnings.warn_explicit("values are missing", RuntimeWarning, "geobox.py", 2, module="odc.geo.geobox")

    with warnings.catch_warnings():
        run_stage(job, stage)
    text = (tmp_path / "logs" / "job.log").read_text()
    assert "ours" in text and "values are missing" in text and "use another" not in text


def test_a_users_error_is_one_line_and_no_traceback(job, tmp_path):
    def stage(paths, values):
        raise TableError("no coordinates", where="a.csv, row 3", fix="add them")

    with pytest.raises(SystemExit):
        run_stage(job, stage)
    log = (tmp_path / "logs" / "job.log").read_text()
    assert "ERROR a.csv, row 3: no coordinates; add them" in log and "Traceback" not in log
    assert not (tmp_path / "out.txt.provenance.json").exists()


def test_a_defect_leaves_its_traceback_in_the_log(job, tmp_path):
    with pytest.raises(ZeroDivisionError):
        run_stage(job, lambda paths, values: 1 / 0)
    assert "Traceback" in (tmp_path / "logs" / "job.log").read_text()


def test_a_name_that_is_both_input_and_output_is_refused(job):
    job.output.files["table"] = job.output.files["copy"]
    with pytest.raises(ValueError, match=r"\['table'\] names an input and an output"):
        run_stage(job, lambda paths, values: None)


def test_a_warning_reaches_the_log_and_the_terminal_as_one_line_that_names_the_job(job, tmp_path, capsys):
    def stage(paths, values):
        paths["copy"].touch()
        logging.getLogger("loam.probes.daily").warning("station %s loses\n12 days", "A1")
        warnings.warn_explicit("mean of empty slice", RuntimeWarning, "cube.py", 2, module="cube")
        logging.getLogger("loam").info("not for the terminal")

    with warnings.catch_warnings():
        run_stage(job, stage)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "WARNING copy mlp: station A1 loses 12 days",
        "WARNING copy mlp: cube.py:2: RuntimeWarning: mean of empty slice",
    ]
    assert "WARNING station A1 loses" in (tmp_path / "logs" / "job.log").read_text()


@pytest.mark.parametrize(("shown", "lines"), [("full", ["copy mlp: folds: 1 of 3 (33 %)"]), ("quiet", [])])
def test_how_far_a_job_is_reaches_the_log_and_the_terminal(job, tmp_path, capsys, monkeypatch, shown, lines):
    monkeypatch.setenv(SHOWN, shown)
    monkeypatch.setattr("loam.io.progress.SECONDS", 0)

    def stage(paths, values):
        paths["copy"].touch()
        logging.getLogger("loam").info("folds: 1 of 3 (33 %)", extra=PROGRESS)

    run_stage(job, stage)
    assert capsys.readouterr().err.splitlines() == lines
    assert "INFO folds: 1 of 3" in (tmp_path / "logs" / "job.log").read_text()


def test_a_defect_shows_one_line_on_the_terminal(job, capsys):
    with pytest.raises(ZeroDivisionError):
        run_stage(job, lambda paths, values: 1 / 0)
    assert capsys.readouterr().err.startswith("ERROR copy mlp: failed")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_refuses_is_one_line_and_leaves_nothing_half_written(job, tmp_path, capsys, monkeypatch, number):
    def full(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SystemExit):
        run_stage(job, lambda paths, values: write_text("abc", paths["copy"]))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ERROR copy mlp: {tmp_path / 'out.txt'}: ") and "Traceback" not in line
    assert {path.name for path in tmp_path.iterdir()} == {"in.txt", "logs"}


def test_an_interrupt_is_one_line(job, capsys):
    def stage(paths, values):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit):
        run_stage(job, stage)
    assert capsys.readouterr().err == "ERROR copy mlp: interrupted\n"


HELD = """
import os, signal, sys
from types import SimpleNamespace
from loam.io.stage import run_stage
os.kill(os.getpid(), signal.SIGINT)  # from the keyboard, while the script still imports
no = SimpleNamespace(items=dict().items)
params = SimpleNamespace(code="c", get=lambda name, default: default)
job = {"rule": "r", "log": [sys.argv[1]], "threads": 1, "params": params}
run_stage(SimpleNamespace(**job, wildcards=no, input=no, output=no), None)
"""


def test_an_interrupt_while_a_job_imports_waits_until_it_can_be_told(project, tmp_path):
    environment = {**os.environ, HEAD: "", "PYTHONPATH": str(project / "workflow/lib")}
    result = subprocess.run(
        [sys.executable, "-c", HELD, str(tmp_path / "job.log")], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (130, "ERROR r: interrupted\n")
    assert "ERROR interrupted" in (tmp_path / "job.log").read_text()


def test_a_job_does_not_write_what_another_is_writing(job, tmp_path):
    with sole_writer([tmp_path / "out.txt"]), pytest.raises(SystemExit):
        run_stage(job, lambda paths, values: paths["copy"].touch())
    assert not (tmp_path / "out.txt").exists()
    assert "is writing it" in (tmp_path / "logs" / "job.log").read_text()
