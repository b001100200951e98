import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from loam.io.progress import PROGRESS, Paced, counted, progress


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "loam")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_log_has_a_line_for_every_tenth(lines):
    with progress(200, "tiles", clock=Clock()) as count:
        for _ in range(200):
            count.step()
    assert len(lines()) == 10
    assert lines()[0] == "tiles: 20 of 200 (10 %)" and lines()[-1] == "tiles: 200 of 200 (100 %)"


def test_a_slow_job_says_something_every_twenty_seconds_with_the_time_left(lines):
    clock = Clock()
    with progress(1000, "tiles", clock=clock) as count:
        for _ in range(5):
            clock.now += 10
            count.step()
        left = "about 2 h 46 min left"
        assert lines() == [f"tiles: 2 of 1000 (0 %), {left}", f"tiles: 4 of 1000 (0 %), {left}"]
    assert lines()[-1].startswith("tiles: 5 of 1000 (0 %)")


def test_what_was_kept_from_before_does_not_shorten_the_time_left(lines):
    clock = Clock()
    with progress(100, "tiles", clock=clock) as count:
        count.keep(90)
        clock.now = 20
        count.step(5)
    assert lines() == ["tiles: 95 of 100 (95 %), about 20 s left"]


def test_an_unknown_total_is_counted(lines):
    clock = Clock()
    with progress(None, "bytes", clock=clock) as count:
        count.step(500)
        clock.now = 31
        count.step(500)
    assert lines() == ["bytes: 1000"]


def test_a_loop_is_counted_as_it_goes_on(lines):
    assert list(counted("abc", "letters")) == ["a", "b", "c"]
    assert lines()[-1] == "letters: 3 of 3 (100 %)"
    assert list(counted(iter("ab"), "letters", total=2)) == ["a", "b"]
    assert lines()[-2:] == ["letters: 1 of 2 (50 %)", "letters: 2 of 2 (100 %)"]


def test_nothing_to_do_says_nothing(lines):
    with progress(0, "tiles"):
        pass
    assert lines() == []


def test_an_error_leaves_how_far_it_came(lines):
    with pytest.raises(KeyError), progress(100, "tiles", clock=Clock()) as count:
        count.step(3)
        raise KeyError
    assert lines() == ["tiles: 3 of 100 (3 %)"]


def test_steps_of_several_threads_are_all_counted():
    with progress(2000, "folds") as count, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: count.step(), range(2000)))
    assert count.done == 2000


def record(level=logging.INFO, **facts):
    made = logging.LogRecord("loam", level, "", 0, "", (), None)
    vars(made).update(facts)
    return made


def test_the_terminal_gets_a_line_of_progress_in_twenty_seconds_and_all_warnings():
    clock = Clock()
    paced = Paced(shown=True, clock=clock)
    passed = []
    for clock.now in range(0, 70, 5):
        passed += [clock.now] if paced.filter(record(**PROGRESS)) else []
    assert passed == [20, 40, 60]
    assert paced.filter(record(logging.WARNING)) and not paced.filter(record())


def test_progress_that_is_not_to_be_shown_is_not():
    clock = Clock()
    paced = Paced(shown=False, clock=clock)
    clock.now = 1000
    assert not paced.filter(record(**PROGRESS)) and paced.filter(record(logging.WARNING))
