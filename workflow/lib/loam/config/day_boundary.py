"""Where a run's days begin (config key ``day_boundary``). Read when the workflow is parsed: standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from loam.config.covariates import days_of_steps
from loam.errors import ConfigError

UTC_DAYS = "00:00+00:00"


def shift_of(day_boundary: str) -> timedelta:
    """What is added to a time in UTC so that midnight of the result is where a day begins.

    Args:
        day_boundary: clock time and that clock's offset from UTC: ``00:00+10:00`` is midnight of eastern Australian
            standard time (10 h are added), ``09:00+10:00`` nine o'clock of it (1 h).

    Raises:
        ConfigError: it is not of that form.
    """
    match = re.fullmatch(r"(\d\d):(\d\d)([+-])(\d\d):(\d\d)", day_boundary)
    hour, minute, sign, hours, minutes = match.groups() if match else ("99", "0", "+", "0", "0")
    if int(hour) > 23 or int(minute) > 59 or int(hours) > 14 or int(minutes) > 59:
        raise ConfigError(
            f"'{day_boundary}' is not where a day begins", where="config key 'day_boundary'",
            expected='clock time and offset from UTC in quotation marks, like "00:00+10:00"',
        )  # fmt: skip
    offset = (60 * int(hours) + int(minutes)) * (1 if sign == "+" else -1)
    return timedelta(minutes=offset - 60 * int(hour) - int(minute))


def day_of(time: str, shift: timedelta) -> date:
    """The run's day that an instant (ISO 8601; UTC where it names no offset) is of."""
    instant = datetime.fromisoformat(time)
    instant = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (instant + shift).date()


def check_day_boundary(config: Mapping[str, Any], kinds: Mapping[str, list[str]]) -> None:
    """Raise a ConfigError where a sample would see a field that ends after its day.

    Days of gridded moisture and weather come as their providers cut them, in UTC or later; where the run's day ends
    before the day of UTC of its date does, a field of lag 0 holds hours that had not come yet.

    Args:
        config: the run's.
        kinds: the kinds of fields that are fetched from providers, and the daily features that are made of them.
    """
    if shift_of(config["day_boundary"]) <= timedelta(0):
        return
    features = config["features"]
    first = {item["name"]: item["lags"][0] for item in features["daily"]}
    begin = days_of_steps(features["sequence"])[0]
    for name in (*features["sequence"]["variables"], *features["patch"]):
        first[name] = min(first.get(name, begin), begin)
    for kind, names in kinds.items():
        if early := [name for name in names if first[name] < 1]:
            raise ConfigError(
                f"a day that begins at {config['day_boundary']} ends before the day of UTC that {', '.join(early)} "
                f"({kind}) come as: samples would see hours after their day", where="config key 'day_boundary'",
                expected="days in UTC, or lags from 1 on for these features",
                fix='set day_boundary to "00:00+00:00" (readings of probes are then cut into days of UTC), or begin '
                "the lags at 1",
            )  # fmt: skip
