import http.client
import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from loam.acquire.http.retry import Failed, Policy, failed_of, parse_retry_after, retry, status_is_retryable, status_of
from loam.errors import AcquireError, CredentialError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PATIENT = Policy()


class Server:
    """Fails as told, then answers; time passes only while its client waits."""

    def __init__(self, *failures):
        self.failures, self.calls, self.waits, self.now = list(failures), 0, [], 0.0

    def __call__(self):
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "the file"

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    def ask(self, policy=PATIENT, random=lambda: 1.0, **more):
        return retry(self, policy, what="SILO 2020", sleep=self.sleep, clock=lambda: self.now, random=random, **more)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(status):
    server = Server(Failed("busy", status=status))
    assert server.ask() == "the file" and server.calls == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416])
def test_a_refusal_is_final(status):
    server = Server(Failed("no", status=status), Failed("no", status=status))
    with pytest.raises(AcquireError) as error:
        server.ask()
    assert server.calls == 1 and not server.waits
    assert status_of(error.value) == status and not status_is_retryable(status)
    assert isinstance(error.value, CredentialError) == (status in (401, 403))


def test_refused_credentials_say_what_to_do_in_one_line():
    with pytest.raises(CredentialError, match="SILO 2020: HTTP 403.*; set TERN_API_KEY$") as error:
        Server(Failed("HTTP 403", status=403)).ask(fix="set TERN_API_KEY")
    assert "\n" not in str(error.value)
    with pytest.raises(CredentialError, match="expired"):
        Server(Failed("HTTP 401", status=401)).ask()
    with pytest.raises(CredentialError, match="accept the dataset's terms"):
        Server(Failed("HTTP 403", status=403)).ask()


def test_waits_double_up_to_the_longest_and_jitter_takes_a_share_of_them():
    def broken():
        return [Failed("busy", status=503) for _ in range(5)]

    full, half = Server(*broken()), Server(*broken())
    policy = Policy(attempts=6, first_wait_s=1, longest_wait_s=6)
    assert full.ask(policy) == half.ask(policy, random=lambda: 0.5) == "the file"
    assert full.waits == [1, 2, 4, 6, 6]
    assert half.waits == [0.5, 1, 2, 3, 3]


def test_attempts_are_used_up():
    server = Server(*[Failed("HTTP 503", status=503)] * 9)
    with pytest.raises(AcquireError, match=r"SILO 2020: HTTP 503, after 3 attempts"):
        server.ask(Policy(attempts=3))
    assert server.calls == 3 and len(server.waits) == 2


def test_the_wall_clock_ends_it():
    server = Server(*[Failed("busy", status=503)] * 99)
    with pytest.raises(AcquireError, match="the 10 s for it are over"):
        server.ask(Policy(attempts=99, wall_clock_s=10))
    assert server.now <= 10


def test_retry_after_is_waited_for():
    server = Server(Failed("busy", status=429, retry_after_s=90))
    assert server.ask(random=lambda: 0.0) == "the file"
    assert server.waits == [90]


def test_a_retry_after_beyond_the_wall_clock_gives_up_at_once_and_says_when_to_come_back():
    server = Server(Failed("HTTP 429", status=429, retry_after_s=7200))
    with pytest.raises(AcquireError, match=r"come back in 7200 s; run again after \d{4}-\d\d-\d\d \d\d:\d\d UTC"):
        server.ask(Policy(wall_clock_s=3600), random=lambda: 0.0)
    assert server.calls == 1 and not server.waits


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("Connection aborted"),
        requests.ReadTimeout(),
        requests.ConnectTimeout(),
        requests.exceptions.ChunkedEncodingError(),
        http.client.IncompleteRead(b""),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_broken_connection_is_tried_again(error):
    server = Server(error)
    assert server.ask() == "the file" and server.calls == 2


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("a"), AcquireError("wrong shape")])
def test_what_is_not_the_networks_fault_passes_through_at_once(error):
    server = Server(error)
    with pytest.raises(type(error)) as raised:
        server.ask()
    assert raised.value is error and server.calls == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.ConnectTimeout("connect timed out"), "the host does not answer"),
        (requests.ReadTimeout(), "the reply stood still"),
        (requests.ConnectionError("HTTPConnectionPool(host='a', port=1): Read timed out."), "the reply stood still"),
        (requests.ConnectionError("NameResolutionError(a.org)"), "the host's name cannot be resolved"),
        (http.client.IncompleteRead(b"abc", 5), "the body ended after 3 bytes, 5 more expected"),
    ],
)
def test_a_broken_connection_is_described_for_people(error, said):
    assert str(failed_of(error)) == said


def test_a_certificate_that_is_not_valid_is_final():
    failed = failed_of(requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))
    assert not failed.retryable and "certificate" in str(failed)


def test_errors_and_log_lines_hold_no_secret(caplog):
    caplog.set_level(logging.INFO, "loam")
    leaky = requests.ConnectionError(
        "HTTPConnectionPool(host='a.org', port=80): Max retries exceeded with url: /x?api_key=hunter2 (Caused by "
        "NewConnectionError('https://me:hunter2@a.org/x?token=hunter2: refused'))"
    )
    with pytest.raises(AcquireError) as error:
        Server(leaky, leaky).ask(Policy(attempts=2))
    assert "hunter2" not in str(error.value) + caplog.text
    assert "attempt 2 of 2" in caplog.text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        (format_datetime(NOON + timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(NOON - timedelta(seconds=30), usegmt=True), 0.0),
        ("Thursday, 01-Jan-26 12:00:05 GMT", 5.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text, seconds):
    assert parse_retry_after(text, NOON) == seconds


def test_a_policy_has_at_least_one_attempt():
    with pytest.raises(ValueError, match="0 attempts"):
        Policy(attempts=0)
