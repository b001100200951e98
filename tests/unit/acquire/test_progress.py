import io
import logging

import pytest

from loam.acquire.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "loam")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_log_has_a_line_for_every_tenth(lines):
    with progress(200, "tiles", stream=io.StringIO(), clock=Clock()) as bar:
        for _ in range(200):
            bar.step()
    assert len(lines()) == 10
    assert lines()[0] == "tiles: 20 of 200 (10 %)" and lines()[-1] == "tiles: 200 of 200 (100 %)"


def test_a_slow_download_says_something_every_half_minute(lines):
    clock = Clock()
    with progress(1000, "tiles", stream=io.StringIO(), clock=clock) as bar:
        for _ in range(10):
            clock.now += 10
            bar.step()
        assert lines() == ["tiles: 3 of 1000 (0 %)", "tiles: 6 of 1000 (1 %)", "tiles: 9 of 1000 (1 %)"]
    assert lines()[-1] == "tiles: 10 of 1000 (1 %)"


def test_an_unknown_total_is_counted(lines):
    clock = Clock()
    with progress(None, "bytes", stream=io.StringIO(), clock=clock) as bar:
        bar.step(500)
        clock.now = 31
        bar.step(500)
    assert lines() == ["bytes: 1000"]


def test_nothing_to_do_says_nothing(lines):
    with progress(0, "tiles", stream=io.StringIO()):
        pass
    assert lines() == []


def test_an_error_leaves_how_far_it_came(lines):
    with pytest.raises(KeyError), progress(100, "tiles", stream=io.StringIO(), clock=Clock()) as bar:
        bar.step(3)
        raise KeyError
    assert lines() == ["tiles: 3 of 100 (3 %)"]


def test_a_terminal_has_a_bar_and_no_lines(lines):
    terminal = Terminal()
    with progress(4, "tiles", stream=terminal) as bar:
        bar.step(4)
    assert "tiles" in terminal.getvalue() and lines() == []
