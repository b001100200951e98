import gzip
import hashlib
import io
import logging
import os
import subprocess
import sys
import time

import pytest
import requests
import urllib3

from loam.acquire.http.download import download
from loam.acquire.http.retry import Policy
from loam.acquire.http.session import fetch, new_session
from loam.errors import AcquireError, CredentialError, StorageError

DATA = bytes(range(256)) * 4096  # 1 MiB
QUICK = Policy(attempts=3, first_wait_s=0.01, longest_wait_s=0.01, wall_clock_s=60, timeout_s=0.5)


def whole(part):
    """What a product's check does: here, the bytes are known."""
    if part.read_bytes() != DATA:
        raise AcquireError(f"{part.stat().st_size} bytes that are not the data", where=part)


@pytest.fixture
def get(loopback, tmp_path):
    """Fetches an address to a.tif with the quick policy."""

    def get(url, name="a.tif", **more):
        return download(url, tmp_path / name, **{"check": whole, "policy": QUICK, **more})

    return get


def test_a_file_arrives_whole_with_size_checksum_and_times(loopback, get, tmp_path, files_in):
    fetched = get(loopback.serve("/a.tif", DATA, headers={"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}))
    assert (tmp_path / "a.tif").read_bytes() == DATA and files_in(tmp_path) == ["a.tif"]
    assert fetched.bytes == len(DATA) and fetched.sha256 == hashlib.sha256(DATA).hexdigest()
    assert fetched.started <= fetched.finished and fetched.started.tzinfo is not None
    assert fetched.headers["last-modified"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert loopback.requests[0].headers["accept-encoding"] == "identity"


PASSING = {
    "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "0"}},
    "503": {"status": 503},
    "500": {"status": 500},
    "408": {"status": 408},
    "no reply": {"stall": True},
    "a body that stands still": {"stall": "body"},
    "202, still being prepared": {"status": 202, "headers": {"Retry-After": "0"}},
    "a truncated body": {"truncate": 1000},
    "a body of which nothing came": {"truncate": 0},
    "server gone half way": {"reset": len(DATA) // 2},
    "server gone before the reply's body": {"reset": 0},
}


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_ends_in_a_whole_file(loopback, get, tmp_path, files_in, fault, ranges):
    url = loopback.serve("/a.tif", DATA, ranges=ranges)
    loopback.fail(**PASSING[fault])
    get(url)
    assert (tmp_path / "a.tif").read_bytes() == DATA and files_in(tmp_path) == ["a.tif"]
    assert len(loopback.requests) == 2


LASTING = {
    "429": ({"status": 429}, AcquireError, "HTTP 429.*after 3 attempts"),
    "503": ({"status": 503}, AcquireError, "HTTP 503.*after 3 attempts"),
    "no reply": ({"stall": True}, AcquireError, "stood still, after 3 attempts"),
    "truncated": ({"truncate": 1000}, AcquireError, "ended after 1000 bytes, 1047576 more expected, after 3 attempts"),
    "reset": ({"reset": 1000}, AcquireError, "connection failed.*reset.*after 3 attempts"),
    "400": ({"status": 400}, AcquireError, "HTTP 400"),
    "404": ({"status": 404}, AcquireError, "does not have it"),
    "expired token": ({"status": 401}, CredentialError, "HTTP 401.*wrong or have expired; renew them"),
    "terms": ({"status": 403}, CredentialError, "HTTP 403.*accept the dataset's terms"),
    "204": ({"status": 204}, AcquireError, "HTTP 204"),
    "HTML": ({"html": "Sorry"}, AcquireError, 'an HTML page titled "Sorry"; expected a.tif'),
    "login": ({"html": "Earthdata Login"}, CredentialError, 'a login page, an HTML page titled "Earthdata Login"'),
    "XML": ({"wrong": "<Error><Code>NoSuchKey</Code></Error>"}, AcquireError, '<Error> that says "NoSuchKey"'),
    "wrong content": ({"wrong": "other"}, AcquireError, r"a.tif: 5 bytes that are not the data"),
    "empty": ({"wrong": ""}, AcquireError, "the body is empty, after 3 attempts"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_lasts_ends_in_a_clear_error_and_no_file(loopback, get, tmp_path, files_in, fault):
    given, kind, text = LASTING[fault]
    url = loopback.serve("/a.tif", DATA, ranges=False)
    loopback.fail(times=3, **given)
    with pytest.raises(AcquireError, match=text) as error:
        get(url)
    assert type(error.value) is kind and "\n" not in str(error.value)
    assert files_in(tmp_path) == []
    assert len(loopback.requests) == (3 if "attempts" in text else 1)


def test_nobody_there_is_an_error_and_no_file(loopback, get, tmp_path, files_in):
    url = loopback.serve("/a.tif", DATA)
    loopback.close()
    with pytest.raises(AcquireError, match="the connection failed.*after 3 attempts"):
        get(url)
    assert files_in(tmp_path) == []


def test_a_failed_download_leaves_the_file_that_was_there(loopback, get, tmp_path, files_in):
    (tmp_path / "a.tif").write_bytes(b"old")
    loopback.fail(wrong="other")
    with pytest.raises(AcquireError):
        get(loopback.serve("/a.tif", DATA))
    assert (tmp_path / "a.tif").read_bytes() == b"old" and files_in(tmp_path) == ["a.tif"]


def test_a_broken_download_is_continued_where_it_ended(loopback, get, tmp_path):
    url = loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=300_000)
    loopback.fail(reset=300_000)
    get(url)
    assert (tmp_path / "a.tif").read_bytes() == DATA
    first, second, third = loopback.requests
    assert "range" not in first.headers
    assert second.headers["range"] == "bytes=300000-" and second.headers["if-range"].startswith('"')
    assert int(third.headers["range"].removeprefix("bytes=").removesuffix("-")) >= 300_000


def test_a_later_run_continues_what_an_earlier_one_left(loopback, get, tmp_path, files_in):
    url = loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=700_000)
    with pytest.raises(AcquireError):
        get(url, policy=Policy(attempts=1))
    assert files_in(tmp_path) == ["a.tif.part", "a.tif.part.json"]
    get(url)
    assert loopback.requests[-1].headers["range"] == "bytes=700000-"
    assert (tmp_path / "a.tif").read_bytes() == DATA and files_in(tmp_path) == ["a.tif"]


def test_an_interrupted_download_is_kept_only_if_it_can_be_continued(loopback, get, tmp_path, files_in):
    def interrupt(_):
        raise KeyboardInterrupt

    for ranges, left in [(False, []), (True, ["a.tif.part", "a.tif.part.json"])]:
        with pytest.raises(KeyboardInterrupt):
            get(loopback.serve("/a.tif", DATA, ranges=ranges), progress=interrupt)
        assert files_in(tmp_path) == left


def test_a_killed_process_leaves_no_file_and_the_next_continues_it(loopback, get, tmp_path, files_in, project):
    url = loopback.serve("/a.tif", DATA)
    loopback.fail(stall="body")
    code = "import sys; from loam.acquire.http.download import download; download(*sys.argv[1:], check=print)"
    environ = {**os.environ, "PYTHONPATH": str(project / "workflow" / "lib")}
    part = tmp_path / "a.tif.part"
    with subprocess.Popen([sys.executable, "-c", code, url, str(tmp_path / "a.tif")], env=environ) as process:
        while process.poll() is None and not (part.exists() and part.stat().st_size == len(DATA) // 2):
            time.sleep(0.02)
        process.kill()
    assert files_in(tmp_path) == ["a.tif.part", "a.tif.part.json"]
    get(url)
    assert loopback.requests[-1].headers["range"] == f"bytes={len(DATA) // 2}-"
    assert (tmp_path / "a.tif").read_bytes() == DATA and files_in(tmp_path) == ["a.tif"]


def test_a_part_of_another_request_is_not_continued(loopback, get, tmp_path):
    loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=700_000)
    with pytest.raises(AcquireError):
        get(loopback.url + "/a.tif", params={"month": "1"}, policy=Policy(attempts=1))
    get(loopback.url + "/a.tif", params={"month": "2"})
    assert "range" not in loopback.requests[-1].headers
    assert (tmp_path / "a.tif").read_bytes() == DATA


def test_a_file_that_changed_meanwhile_begins_anew(loopback, get, tmp_path):
    loopback.serve("/a.tif", b"x" * 500_000)
    loopback.fail(truncate=9000)
    with pytest.raises(AcquireError):
        get(loopback.url + "/a.tif", policy=Policy(attempts=1))
    get(loopback.serve("/a.tif", DATA))  # another ETag: the server sends it whole
    assert (tmp_path / "a.tif").read_bytes() == DATA


def test_a_server_that_ignores_the_range_restarts_the_file(loopback, get, tmp_path):
    url = loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=9000)
    loopback.fail(ignore_range=True)
    get(url)
    assert "range" in loopback.requests[1].headers
    assert (tmp_path / "a.tif").read_bytes() == DATA


def test_a_server_that_continues_elsewhere_or_no_further_restarts_the_file(loopback, get, tmp_path):
    url = loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=9000)
    loopback.fail(status=206, headers={"Content-Range": f"bytes 0-4/{len(DATA)}"}, body="aaaaa")
    get(url)
    assert (tmp_path / "a.tif").read_bytes() == DATA
    loopback.fail(truncate=9000)
    loopback.fail(status=416, body="")
    get(url)
    assert (tmp_path / "a.tif").read_bytes() == DATA
    assert [("range" in request.headers) for request in loopback.requests] == [False, True, False] * 2


@pytest.mark.parametrize(
    ("range_sent", "body"),
    [(f"9000-{len(DATA) - 1}/{len(DATA) + 1}", DATA[9000:]), (f"9000-{len(DATA) - 1}/{len(DATA)}", DATA[8000:])],
    ids=["of another length", "longer than announced"],
)
def test_a_rest_that_does_not_fit_restarts_the_file(loopback, get, tmp_path, range_sent, body):
    url = loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=9000)
    loopback.fail(status=206, headers={"Content-Range": f"bytes {range_sent}"}, body=body)
    get(url)
    assert (tmp_path / "a.tif").read_bytes() == DATA
    assert [("range" in request.headers) for request in loopback.requests] == [False, True, False]


def test_a_server_that_gives_a_piece_of_the_rest_is_asked_for_the_next(loopback, get, tmp_path):
    url = loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=9000)
    loopback.fail(status=206, headers={"Content-Range": f"bytes 9000-19999/{len(DATA)}"}, body=DATA[9000:20000])
    get(url)
    assert loopback.requests[-1].headers["range"] == "bytes=20000-"
    assert (tmp_path / "a.tif").read_bytes() == DATA


def test_a_server_that_names_no_validator_any_more_ends_what_could_be_continued(loopback, get, tmp_path, files_in):
    loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=9000)
    with pytest.raises(AcquireError):
        get(loopback.url + "/a.tif", policy=Policy(attempts=1))
    loopback.serve("/a.tif", DATA, ranges=False)
    loopback.fail(truncate=9000)
    with pytest.raises(AcquireError):
        get(loopback.url + "/a.tif", policy=Policy(attempts=1))
    assert files_in(tmp_path) == []


def test_a_continued_file_that_fails_its_check_is_fetched_whole(loopback, get, tmp_path):
    url = loopback.serve("/a.tif", DATA)
    loopback.fail(truncate=9000)
    with pytest.raises(AcquireError):
        get(url, policy=Policy(attempts=1))
    (tmp_path / "a.tif.part").write_bytes(b"0" * 9000)
    get(url)
    assert (tmp_path / "a.tif").read_bytes() == DATA
    assert [("range" in request.headers) for request in loopback.requests] == [False, True, False]


@pytest.mark.parametrize("headers", [{"ETag": 'W/"weak"'}, {"ETag": None}, {"Accept-Ranges": "none"}])
def test_without_a_strong_validator_nothing_is_continued(loopback, get, tmp_path, files_in, headers):
    loopback.fail(truncate=9000)
    with pytest.raises(AcquireError):
        get(loopback.serve("/a.tif", DATA, headers=headers), policy=Policy(attempts=1))
    assert files_in(tmp_path) == []


def test_last_modified_serves_as_validator(loopback, get, tmp_path):
    stamp = "Thu, 01 Jan 2026 00:00:00 GMT"
    url = loopback.serve("/a.tif", DATA, headers={"ETag": 'W/"weak"', "Last-Modified": stamp})
    loopback.fail(truncate=9000)
    get(url)
    assert loopback.requests[1].headers["if-range"] == stamp
    assert (tmp_path / "a.tif").read_bytes() == DATA


def test_a_body_without_length_is_left_to_the_check(loopback, get, tmp_path, files_in):
    url = loopback.serve("/a.tif", DATA, length=False)
    loopback.fail(truncate=1000)
    with pytest.raises(AcquireError, match="1000 bytes that are not the data"):
        get(url)
    assert files_in(tmp_path) == []
    get(url)
    assert files_in(tmp_path) == ["a.tif"]


def test_a_compressed_body_is_counted_on_the_wire_and_stored_plain(loopback, get, tmp_path):
    packed = gzip.compress(DATA)
    url = loopback.serve("/a.tif", packed, headers={"Content-Encoding": "gzip"})
    loopback.fail(truncate=len(packed) // 2)
    get(url)
    assert (tmp_path / "a.tif").read_bytes() == DATA
    assert len(loopback.requests) == 2 and "range" not in loopback.requests[1].headers


def test_a_pinned_checksum_is_compared(loopback, get, tmp_path, files_in):
    url = loopback.serve("/a.tif", DATA)
    with pytest.raises(AcquireError, match=f"SHA-256 is {hashlib.sha256(DATA).hexdigest()}; expected 0000"):
        get(url, sha256="0" * 64)
    assert files_in(tmp_path) == []
    get(url, sha256=hashlib.sha256(DATA).hexdigest().upper())


def test_a_check_that_cannot_read_the_file_is_a_clear_error(loopback, get, tmp_path, files_in):
    def check(part):
        raise OSError("not a known format")

    with pytest.raises(
        AcquireError, match=r"the file received \(1048576 bytes\) cannot be read \(not a known format\)"
    ):
        get(loopback.serve("/a.tif", DATA), check=check)
    assert files_in(tmp_path) == []


def test_html_and_xml_may_come_where_they_are_asked_for(loopback, get, tmp_path):
    page = b"<!DOCTYPE html><html><title>x</title></html>"
    orbit = b'<?xml version="1.0"?><Earth_Explorer_File/>'
    get(loopback.serve("/a.html", page), "a.html", check=lambda part: None)
    get(loopback.serve("/a.EOF", orbit), "a.EOF", check=lambda part: None)
    assert (tmp_path / "a.html").read_bytes() == page and (tmp_path / "a.EOF").read_bytes() == orbit


def test_the_wall_clock_ends_a_download_that_never_stands_still(loopback, get, tmp_path, files_in):
    with pytest.raises(AcquireError, match="the time for it is over"):
        get(loopback.serve("/a.tif", DATA, ranges=False), policy=Policy(wall_clock_s=0))
    assert files_in(tmp_path) == []


def test_progress_is_told_every_byte(loopback, get):
    told = []
    get(loopback.serve("/a.tif", DATA), progress=told.append)
    assert sum(told) == len(DATA)


def test_a_full_disk_is_not_the_servers_fault(loopback, get, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("loam.acquire.http.download._write_block", full)
    with pytest.raises(StorageError, match="a.tif: no space left on its disk"):
        get(loopback.serve("/a.tif", DATA))
    assert len(loopback.requests) == 1


SECRETS = {"headers": {"Authorization": "Bearer hunter2", "X-Api-Key": "hunter2", "X-Plain": "yes"}}


def test_secrets_go_to_the_addresss_own_host_only(loopback, get):
    loopback.serve("/b.tif", DATA)
    loopback.fail(path="/a.tif", redirect=loopback.other_url + "/b.tif?signature=hunter2")
    fetched = get(loopback.url + "/a.tif", params={"key": "hunter2"}, **SECRETS)
    first, second = loopback.requests
    assert first.headers["authorization"] == "Bearer hunter2" and first.headers["x-api-key"] == "hunter2"
    assert not {"authorization", "x-api-key"} & set(second.headers) and second.headers["x-plain"] == "yes"
    assert first.query == {"key": ["hunter2"]} and second.query == {"signature": ["hunter2"]}
    assert fetched.url == loopback.url + "/a.tif"


def test_secrets_stay_through_a_redirect_on_the_same_host(loopback, get):
    loopback.serve("/b.tif", DATA)
    loopback.fail(path="/a.tif", redirect="/b.tif")
    get(loopback.url + "/a.tif", auth=("apikey", "hunter2"))
    assert [("authorization" in request.headers) for request in loopback.requests] == [True, True]


def test_basic_auth_does_not_follow_to_another_host(loopback, get):
    loopback.serve("/b.tif", DATA)
    loopback.fail(path="/a.tif", redirect=loopback.other_url + "/b.tif")
    get(loopback.url + "/a.tif", auth=("apikey", "hunter2"))
    assert [("authorization" in request.headers) for request in loopback.requests] == [True, False]


def test_a_given_token_is_not_replaced_by_netrc(loopback, get, no_credentials):
    (no_credentials / ".netrc").write_text("machine 127.0.0.1 login me password other\n")
    url = loopback.serve("/a.tif", DATA)
    get(url, **SECRETS)
    assert loopback.requests[0].headers["authorization"] == "Bearer hunter2"


def test_what_a_session_holds_does_not_follow_to_another_host_either(loopback, get):
    loopback.serve("/b.tif", DATA)
    with new_session() as session:
        session.headers["Authorization"] = "Bearer hunter2"
        session.auth = ("me", "hunter2")
        loopback.fail(path="/a.tif", redirect=loopback.other_url + "/b.tif")
        get(loopback.url + "/a.tif", session=session)
    assert [("authorization" in request.headers) for request in loopback.requests] == [True, False]


def test_a_login_host_gets_its_own_credentials(loopback, get):
    """As at NASA: the data's host sends the client to the login host, which sends it back with a cookie."""
    loopback.serve("/a.tif", DATA)
    loopback.fail(path="/a.tif", redirect=loopback.other_url + "/oauth")
    loopback.fail(path="/oauth", redirect=loopback.url + "/a.tif")
    get(loopback.url + "/a.tif", redirect_auth={"localhost": ("me", "hunter2")})
    assert [("authorization" in request.headers) for request in loopback.requests] == [False, True, False]


def test_an_address_that_is_none_is_a_clear_error(get, tmp_path, files_in):
    with pytest.raises(AcquireError, match="the request cannot be sent .MissingSchema"):
        get("a.tif")
    assert files_in(tmp_path) == []


class Downgrade(requests.adapters.BaseAdapter):
    """An https server that redirects to http."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def send(self, request, **_):
        self.asked.append(request.url)
        reply = requests.Response()
        reply.status_code, reply.url, reply.request = 302, request.url, request
        reply.headers["Location"] = "http://a.example/b.tif?signature=hunter2"
        reply.raw = urllib3.HTTPResponse(io.BytesIO(), status=302, preload_content=False)
        return reply

    def close(self):
        pass


def test_a_redirect_from_https_to_http_is_not_followed(get, tmp_path, files_in):
    adapter = Downgrade()
    with new_session() as session:
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        with pytest.raises(AcquireError, match="redirected from https to http://a.example/b.tif$"):
            get("https://a.example/a.tif", session=session)
    assert adapter.asked == ["https://a.example/a.tif"] and files_in(tmp_path) == []


def test_redirects_end(loopback, get, tmp_path, files_in):
    loopback.fail(times=50, redirect="/a.tif")
    with pytest.raises(AcquireError, match="more than 10 redirects"):
        get(loopback.url + "/a.tif")
    assert files_in(tmp_path) == [] and len(loopback.requests) == 11


def test_no_secret_is_logged_or_shown(loopback, get, caplog):
    caplog.set_level(logging.DEBUG, "loam")
    loopback.serve("/a.tif", DATA)
    loopback.fail(status=503)
    loopback.fail(status=401, body={"message": "no access to https://x.org/a?token=hunter2"})
    url = loopback.url.replace("://", "://me:hunter2@") + "/a.tif?api_key=hunter2"
    with pytest.raises(CredentialError) as error:
        get(url, params={"token": "hunter2"}, **SECRETS)
    assert "hunter2" not in caplog.text + str(error.value)
    assert f"{loopback.url}/a.tif" in str(error.value) and "no access to https://x.org/a" in str(error.value)


def test_a_session_of_the_callers_is_left_open(loopback, get):
    with new_session() as session:
        get(loopback.serve("/a.tif", DATA), session=session)
        get(loopback.serve("/a.tif", DATA), session=session)
    assert "loam" in loopback.requests[0].headers["user-agent"]


def test_a_small_reply_is_fetched_with_retries(loopback):
    url = loopback.serve("/list", {"items": [1]})
    loopback.fail(status=503)
    loopback.fail(truncate=3)
    assert fetch(url, params={"page": 2}, policy=QUICK) == b'{"items": [1]}'
    assert [request.query for request in loopback.requests] == [{"page": ["2"]}] * 3
