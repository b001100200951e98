import io
import logging
from types import SimpleNamespace

import pytest

from loam.io.messages import error_text
from loam.io.remaining import Remaining, duration
from loam.io.terminal import Terminal, map_lines


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def clock():
    """A clock that stands until it is put forward."""
    return SimpleNamespace(now=0.0)


@pytest.fixture
def terminal(stream, clock):
    return Terminal(logging.StreamHandler(stream), quiet=False, dryrun=False, clock=lambda: clock.now)


def say(terminal, event, message="", level=logging.INFO, **facts):
    record = logging.LogRecord("snakemake.logging", level, "", 0, message, (), None)
    record.__dict__.update({"event": event, **facts})
    terminal.handle(record)


def start(terminal, jobid, rule, **wildcards):
    say(terminal, "job_info", jobid=jobid, rule_name=rule, wildcards=wildcards, output=["a"])


def test_each_job_has_a_line_at_its_start_and_end_with_what_is_left(terminal, stream, clock):
    say(terminal, "run_info", stats={"fetch": 2, "all": 1, "total": 3})
    say(terminal, None, "Select jobs to execute...")
    start(terminal, 1, "fetch", month="2020-01")
    clock.now = 200
    say(terminal, "job_finished", job_id=1)
    say(terminal, "progress", done=1, total=3)
    start(terminal, 2, "fetch", month="2020-02")
    say(terminal, "job_finished", job_id=2)
    assert stream.getvalue().splitlines() == [
        "2 jobs to do", "rule fetch 2020-01: started", "done fetch 2020-01 in 3 min; 1 of 2 jobs, about 3 min left",
        "rule fetch 2020-02: started", "done fetch 2020-02 in 0 s; 2 of 2 jobs",
    ]  # fmt: skip


def test_a_failed_jobs_message_is_the_last_line(terminal, stream, tmp_path):
    log = tmp_path / "train.log"
    log.write_text(
        "2020-01-01 00:00:00,1 ERROR an earlier one\n2020-01-01 00:00:01,1 ERROR a.csv: no rows\nTraceback\n"
    )
    say(terminal, "run_info", stats={"train": 2, "total": 2})
    start(terminal, 1, "train", model="mlp")
    say(terminal, "error", "CalledProcessError: Command 'python x.py' returned non-zero exit status 1.", logging.ERROR)
    say(terminal, "job_error", "", logging.ERROR, jobid=1, rule_name="train", log=[str(log)])
    say(terminal, None, "Exiting because a job execution failed. Look above for error messages", logging.ERROR)
    say(terminal, "error", "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR)
    terminal.close()
    lines = stream.getvalue().splitlines()
    assert lines[2:] == [f"ERROR train mlp: a.csv: no rows (log: {log})"]


def test_a_job_that_left_no_message_is_named_with_its_log(terminal, stream):
    start(terminal, 1, "train")
    say(terminal, "job_error", "", logging.ERROR, jobid=1, rule_name="train", log=["logs/none.log"])
    terminal.close()
    assert stream.getvalue().endswith("ERROR train: ended without a message: killed, or out of memory; its log: "
                                      "logs/none.log\n")  # fmt: skip


def test_an_interrupt_is_one_line_that_names_what_had_begun(terminal, stream, tmp_path, monkeypatch):
    passed_on = []
    monkeypatch.setattr("loam.io.terminal.interrupt_jobs", lambda: passed_on.append(True))
    log = tmp_path / "train.log"
    log.write_text("2020-01-01 00:00:00,1 ERROR interrupted\n")
    say(terminal, "run_info", stats={"train": 2, "fetch": 1, "total": 3})
    for number, rule in enumerate(["train", "fetch"]):
        start(terminal, number, rule)
    before = stream.getvalue()
    say(terminal, "job_error", "", logging.ERROR, jobid=0, rule_name="train", log=[str(log)])  # comes before the next
    say(terminal, None, "Terminating processes on user request, this might take some time.")
    say(terminal, "error", "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR)
    terminal.close()
    (line,) = stream.getvalue().removeprefix(before).splitlines()
    assert line == (
        "ERROR interrupted: train, fetch had begun; what is done stays, the same command again makes the rest"
    )
    assert passed_on == [True]


def test_a_run_that_was_told_to_end_says_so_and_how_to_go_on(terminal, stream):
    say(terminal, None, "Will exit after finishing currently running jobs (scheduler).")
    say(terminal, "error", "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR)
    terminal.close()
    first, last = stream.getvalue().splitlines()
    assert first.startswith("told to end: ") and last.startswith("ERROR ended before all was done; ")


def test_what_quiet_hides_stays_hidden_and_a_failure_is_told_still(stream):
    plain = logging.StreamHandler(stream)
    plain.addFilter(lambda record: record.event not in ("job_info", "job_error", "job_finished", "run_info"))
    terminal = Terminal(plain, quiet=False, dryrun=False)
    say(terminal, "run_info", stats={"train": 1, "total": 1})
    start(terminal, 1, "train")
    say(terminal, "job_error", "", logging.ERROR, jobid=1, rule_name="train", log=[])
    assert stream.getvalue() == ""
    terminal.close()
    assert stream.getvalue().startswith("ERROR train: ")


def test_a_dry_runs_list_is_snakemakes_own(stream):
    terminal = Terminal(logging.StreamHandler(stream), quiet=False, dryrun=True)
    say(terminal, "run_info", "Job stats:\nfetch 2", stats={"fetch": 2, "total": 2})
    assert stream.getvalue() == "Job stats:\nfetch 2\n"


def test_warnings_are_shown(terminal, stream):
    say(terminal, None, "a file is old", logging.WARNING)
    assert stream.getvalue() == "a file is old\n"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (
            "WorkflowError",
            "WorkflowError in file \"/a/Snakefile\", line 22:\nconfig key 'a': unknown key; expected b\n"
            '  File "/a/Snakefile", line 22, in <module>',
            "ERROR config key 'a': unknown key; expected b",
        ),
        (
            "MissingRuleException",
            "MissingRuleException:\nNo rule to produce nosuch (if you use input functions make sure ...).",
            "ERROR nosuch: no rule makes it; `snakemake --list` names the targets",
        ),
        (
            "PermissionError",
            "Traceback (most recent call last):\nPermissionError: [Errno 13] Permission denied: '/a/.snakemake'",
            "ERROR /a/.snakemake: no permission; run snakemake in a folder that you can write to and that has space",
        ),
        (
            "LockException",
            "Error: Directory cannot be locked. Please make sure that no other Snakemake process ...\n/a\nIf you ...",
            "ERROR another snakemake is at work in this folder, or one was killed; if none is, `snakemake --unlock` "
            "with the same --configfile, then the same command again",
        ),
        ("KeyboardInterrupt", "Cancelling snakemake on user request.", "ERROR interrupted"),
        (
            "KeyError",
            "Traceback (most recent call last):\n  File x\nKeyError: 'a'",
            "Traceback (most recent call last):\n  File x\nKeyError: 'a'",
        ),
    ],
)
def test_snakemakes_errors_in_plain_words(kind, text, expected):
    assert error_text(text, kind) == expected


def test_a_missing_input_names_what_was_asked_for_and_what_it_lacks():
    text = (
        'MissingInputException in rule map in file "/a.smk", line 34:\nMissing input files for rule map:\n'
        "    output: maps/1990-01-01.tif\n    wildcards: date=1990-01-01\n"
        "    affected files:\n        a.nc\n        b.nc"
    )
    line = error_text(text, "MissingInputException")
    assert line.startswith("ERROR maps/1990-01-01.tif: it is made from a.nc, b.nc, which does not exist")
    assert "\n" not in line


def test_time_left_is_that_of_the_rules_that_are_left_over_the_jobs_side_by_side(clock):
    remaining = Remaining(lambda: clock.now)
    remaining.planned = {"fetch": 4, "train": 1}
    assert remaining.seconds_left() is None
    remaining.start(1, "fetch", "fetch a")
    remaining.start(2, "fetch", "fetch b")
    clock.now = 10
    remaining.finish(1)
    remaining.finish(2)
    assert remaining.seconds_left() == pytest.approx((2 * 10 + 10) / 2)


def test_a_duration_in_words():
    assert [duration(seconds) for seconds in (4.4, 240, 7800)] == ["4 s", "4 min", "2 h 10 min"]


def finished(*rules, quiet=()):
    """Snakemake's object after a run of these rules."""
    jobs = [SimpleNamespace(rule=SimpleNamespace(name=name)) for name in rules]
    return SimpleNamespace(dag=SimpleNamespace(jobs=jobs), output_settings=SimpleNamespace(quiet=quiet))


def test_a_run_that_drew_maps_says_last_how_far_off_they_are(tmp_path):
    table = tmp_path / "accuracy.csv"
    table.write_text('layer,text\nsurface,"surface, 0–30 cm: expect ±0.06"\nsubsurface,subsurface: not known\n')
    told = ["map of surface, 0–30 cm: expect ±0.06", "map of subsurface: not known"]
    assert map_lines(finished("draw_map", "all"), table) == told
    assert map_lines(finished("prepare_probes"), table) == []
    assert map_lines(finished("draw_map", quiet={"rules"}), table) == []
    assert map_lines(finished("draw_map"), tmp_path / "none.csv") == []
