"""Results of threads come in order, few at a time, and an error ends the work."""

import threading
import time

import pytest

from loam.io.in_order import in_order


def test_results_come_in_the_order_of_the_items():
    def slow_first(item):
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert list(in_order(slow_first, range(20), 3)) == [n * n for n in range(20)]
    assert list(in_order(slow_first, [], 3)) == []


def test_no_more_than_two_a_thread_are_begun_before_they_are_taken():
    begun = []
    results = in_order(lambda item: begun.append(item) or item, range(100), 2)
    assert next(results) == 0
    time.sleep(0.05)
    assert len(begun) <= 4
    results.close()
    assert len(begun) <= 4 and threading.active_count() < 20


def test_an_error_comes_out_and_what_waits_is_dropped():
    begun = []

    def fail_at_three(item):
        begun.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    with pytest.raises(ValueError, match="three"):
        list(in_order(fail_at_three, range(1000), 2))
    assert len(begun) < 20
