import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from loam.acquire.canonical.origin import is_current, read_source, write_source
from loam.acquire.http.download import Fetched
from loam.io.provenance import hash_of_values, provenance_path, sha256_of_file, write_provenance

REQUEST = {"dataset": "silo", "span": "2020", "bounds": [144.0, -44.0, 149.0, -39.0], "variables": ["rain", "tmin"]}
TIMES = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, tzinfo=UTC))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "2020.nc"
    path.write_bytes(b"rain")
    return path


def write(path, request=REQUEST, **more):
    about = {
        "dataset": "silo", "version": "2020", "back_end": "direct", "licence": "CC BY 4.0",
        "citation": "Jeffrey et al., 2001", "fetched": TIMES, "clients": {"requests": "2.34"},
    }  # fmt: skip
    write_source(path, request=request, **{**about, **more})


def test_the_record_tells_what_was_asked_of_whom_and_when(file):
    write(file, extra={"url": "https://silo.example/2020.nc"})
    record = json.loads(provenance_path(file).read_text())
    assert record["sha256"] == record["source"]["sha256"] == sha256_of_file(file)
    assert record["source"] == {
        "dataset": "silo", "version": "2020", "back_end": "direct", "request": REQUEST,
        "request_hash": hash_of_values(REQUEST), "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:01:00+00:00", "clients": {"requests": "2.34"}, "bytes": 4,
        "sha256": sha256_of_file(file), "licence": "CC BY 4.0", "citation": "Jeffrey et al., 2001",
        "url": "https://silo.example/2020.nc",
    }  # fmt: skip


def test_times_are_of_a_download_or_given_and_stand_in_utc(file):
    hobart = timezone(timedelta(hours=10))
    write(file, fetched=Fetched("https://a.org", 4, "", TIMES[0], datetime(2026, 1, 1, 10, 1, tzinfo=hobart)))
    assert read_source(file)["finished"] == "2026-01-01T00:01:00+00:00"


def test_a_file_is_current_until_it_or_the_request_changes(file):
    assert not is_current(file, REQUEST)
    write(file)
    assert is_current(file, REQUEST)
    assert is_current(str(file), {**REQUEST, "bounds": (144.0, -44.0, 149.0, -39.0)})
    assert not is_current(file, {**REQUEST, "span": "2021"})
    file.write_bytes(b"rain, but other")
    assert not is_current(file, REQUEST)
    file.unlink()
    assert not is_current(file, REQUEST)


@pytest.mark.parametrize("text", ["", "{", "[]", '"a"', '{"sha256": "a"}', '{"source": {}}', '{"source": null}'])
def test_a_record_that_is_broken_or_of_another_kind_makes_a_file_not_current(file, text):
    provenance_path(file).write_text(text)
    assert not is_current(file, REQUEST)


@pytest.mark.parametrize(
    "name", ["token", "api_key", "apiKey", "APIKEY", "key", "X-Api-Key", "password", "client_secret", "Authorization"]
)
def test_a_request_with_a_secret_is_refused_and_nothing_is_written(file, name):
    for request in ({name: "hunter2"}, {"query": [{"inner": {name: "hunter2"}}]}):
        with pytest.raises(ValueError, match="may be a secret") as error:
            write(file, request)
        assert "hunter2" not in str(error.value)
    with pytest.raises(ValueError, match="in extra may be a secret"):
        write(file, extra={name: "hunter2"})
    assert not provenance_path(file).exists()


def test_an_address_with_a_user_is_refused(file):
    with pytest.raises(ValueError, match="holds a user") as error:
        write(file, {"urls": ["https://apikey:hunter2@data.example/a.tif"]})
    assert "hunter2" not in str(error.value)


def test_ordinary_names_are_no_secrets(file):
    write(file, {"monkey": 1, "keyboard": 2, "author": "a", "pass": "ascending", "mail": "a@b.org"})


def test_the_record_cannot_be_contradicted(file):
    with pytest.raises(ValueError, match="extra holds sha256"):
        write(file, extra={"sha256": "0"})


def test_the_rules_record_keeps_where_the_file_came_from(file):
    write(file)
    write_provenance([file], [], rule="fetch_fields", code="c0de", values={"dataset": "silo"})
    record = json.loads(provenance_path(file).read_text())
    assert record["rule"] == "fetch_fields" and record["source"]["request"] == REQUEST
    assert is_current(file, REQUEST)
