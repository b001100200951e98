"""How many of a run's jobs are done and how long the others will take, from how long those of their rule took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Begun(NamedTuple):
    """A job that runs."""

    rule: str
    name: str
    at: float


class Done(NamedTuple):
    """A job that ended, and how long it took."""

    rule: str
    name: str
    seconds: float


class Remaining:
    """Counts the jobs of a run; ``planned`` holds how many each rule has."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.planned: Mapping[str, int] = {}
        self.running: dict[int, Begun] = {}
        self._clock, self._began = clock, clock()
        self._took: dict[str, list[float]] = defaultdict(list)

    @property
    def total(self) -> int:
        """How many jobs the run has."""
        return sum(self.planned.values())

    @property
    def done(self) -> int:
        """How many of them ended well."""
        return sum(len(seconds) for rule, seconds in self._took.items() if rule in self.planned)

    def start(self, number: int, rule: str, name: str) -> None:
        """Job ``number`` begins."""
        if not self.running and not self._took:
            self._began = self._clock()
        self.running[number] = Begun(rule, name, self._clock())

    def drop(self, number: int) -> Begun | None:
        """Job ``number`` failed."""
        return self.running.pop(number, None)

    def finish(self, number: int) -> Done | None:
        """Job ``number`` ended well; None if it never began."""
        begun = self.running.pop(number, None)
        if begun is None:
            return None
        self._took[begun.rule].append(self._clock() - begun.at)
        return Done(begun.rule, begun.name, self._took[begun.rule][-1])

    def seconds_left(self) -> float | None:
        """The mean time of each rule's jobs times those that it has left, over the jobs that ran side by side so far.

        A rule none of whose jobs has ended counts as the mean of all. None where nothing is left or nothing has ended.
        """
        ended = [seconds for each in self._took.values() for seconds in each]
        left = {rule: count - len(self._took.get(rule, [])) for rule, count in self.planned.items()}
        if not ended or not any(left.values()):
            return None
        mean = sum(ended) / len(ended)
        work = sum(
            count * (sum(took) / len(took) if (took := self._took.get(rule)) else mean) for rule, count in left.items()
        )
        now = self._clock()
        spent = {rule: 0.0 for rule in left}
        for job in self.running.values():
            spent[job.rule] = spent.get(job.rule, 0.0) + now - job.at
        side_by_side = max(1.0, (sum(ended) + sum(spent.values())) / max(now - self._began, 1e-9))
        return max(0.0, work - sum(spent.values())) / side_by_side


def duration(seconds: float) -> str:
    """Seconds in words: 4 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
