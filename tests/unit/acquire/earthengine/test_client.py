"""Signing in to Earth Engine; faults of the server end in a complete answer, or in one line that says what to do."""

import json
import logging

import ee
import numpy as np
import pytest
from affine import Affine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError
from odc.geo.geobox import GeoBox

from loam.acquire.earthengine.client import connect
from loam.acquire.earthengine.pixel_requests import read_pixels
from loam.config.sections.acquire import EarthEngine
from loam.errors import AcquireError, CredentialError

GRID = GeoBox((4, 5), Affine(80, 0, 500000, 0, -80, 5300000), "EPSG:28355")


def elevation(client):
    return read_pixels(
        client, ee.Image("CGIAR/SRTM90_V4"), ["elevation"], GRID, dtype="float32", nodata=-9999, what="elevation"
    )


def asked(engine) -> int:
    return len(engine.pixels())


def test_no_project_is_said_in_one_line_before_anything_is_asked(engine):
    with pytest.raises(CredentialError, match=r"acquire\.earthengine\.project.*register") as error:
        connect(EarthEngine(), url=engine.loopback.url)
    assert "\n" not in str(error.value)
    assert not engine.loopback.requests


def test_no_credentials_are_said_in_one_line_and_nobody_is_asked(engine, no_credentials):
    with pytest.raises(CredentialError, match="earthengine authenticate") as error:
        connect(EarthEngine(project="a-project"), url=engine.loopback.url)
    assert "\n" not in str(error.value)
    assert not engine.loopback.requests


def test_a_service_account_signs_in_with_its_key(engine, no_credentials, monkeypatch, tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    engine.loopback.serve(
        "/token", {"access_token": "t0ken", "expires_in": 3600, "token_type": "Bearer"}, method="POST"
    )
    file = tmp_path / "key.json"
    file.write_text(json.dumps({
        "type": "service_account", "private_key": key.decode(), "client_email": "a@b.iam", "project_id": "other",
        "token_uri": engine.loopback.url + "/token",
    }))  # fmt: skip
    monkeypatch.setenv("EARTHENGINE_SERVICE_ACCOUNT_KEY", str(file))
    client = engine.client(credentials=None)
    elevation(client)
    sent = engine.loopback.asked("*:computePixels")[0].headers
    assert sent["authorization"] == "Bearer t0ken"
    assert sent["x-goog-user-project"] == "a-project"


def test_the_environment_names_another_server(engine, monkeypatch):
    monkeypatch.setenv("LOAM_EARTHENGINE_URL", engine.loopback.url)
    elevation(engine.client(url=None))
    assert asked(engine) == 1


def test_the_high_volume_endpoint_is_chosen_in_the_config(engine, monkeypatch):
    monkeypatch.setattr(ee.data, "HIGH_VOLUME_API_BASE_URL", engine.loopback.other_url)
    monkeypatch.delenv("LOAM_EARTHENGINE_URL", raising=False)
    elevation(engine.client(url=None, chosen=EarthEngine(project="a-project", high_volume=True)))
    assert engine.loopback.asked("*:computePixels")[0].headers["host"].startswith("localhost")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429}, {"status": 503}, {"status": 500}, {"truncate": 60}, {"stall": "body"}, {"reset": 30},
        {"html": "Service unavailable"}, {"wrong": b'{"error": "busy"}'}, {"wrong": b"\x93NUMPY\x01\x00cut"},
    ],
    ids=str,
)  # fmt: skip
def test_a_fault_that_passes_is_asked_again(engine, fault):
    engine.bands["elevation"] = 12.5
    client = engine.client()
    engine.fail(**fault)
    assert np.array_equal(elevation(client), np.full((1, 4, 5), 12.5, np.float32))
    assert asked(engine) == 2


def test_a_server_that_does_not_answer_is_left_after_the_deadline(engine):
    client = engine.client()
    engine.fail(stall=True)
    assert elevation(client).shape == (1, 4, 5)
    assert asked(engine) == 2


def test_the_wait_that_the_server_asks_for_is_kept(engine):
    waits = []
    client = engine.client(sleep=waits.append)
    engine.fail(status=429, headers={"Retry-After": "7"})
    elevation(client)
    assert len(waits) == 1
    assert 7 <= waits[0] <= 7.1


@pytest.mark.parametrize("fault", [{"status": 503}, {"html": "Gone fishing"}, {"truncate": 40}], ids=str)
def test_a_fault_that_stays_ends_in_one_line(engine, fault):
    client = engine.client()
    engine.fail(times=9, **fault)
    with pytest.raises(AcquireError, match="after 4 attempts") as error:
        elevation(client)
    assert asked(engine) == 4
    assert "\n" not in str(error.value)


def test_a_web_page_is_named_as_what_it_is(engine):
    client = engine.client()
    engine.fail(times=9, html="Captive portal")
    with pytest.raises(AcquireError, match='an HTML page titled "Captive portal"'):
        elevation(client)


def test_a_wrong_request_is_not_asked_again(engine):
    client = engine.client()
    engine.fail(status=400, body={"error": {"code": 400, "message": "Image.select: no band 'elevaton'."}})
    with pytest.raises(AcquireError, match="no band 'elevaton'"):
        elevation(client)
    assert asked(engine) == 1


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (401, "Request had invalid authentication credentials.", "earthengine authenticate"),
        (403, "Not signed up for Earth Engine or project is not registered.", "is not registered for Earth Engine"),
        (
            403,
            "Earth Engine API has not been used in project 1 or it is disabled.",
            "enable the Earth Engine API",
        ),
        (403, "Caller does not have required permission to use project x.", "Service Usage Consumer"),
        (403, "The project must verify its noncommercial eligibility.", "accept the terms"),
        (403, "Permission denied.", "may use the project"),
        (429, "Quota exceeded for quota metric 'EECU-seconds' and limit 'EECU per month'.", "quota is used up"),
        (404, "Project 'nobody' not found or deleted.", "mend acquire.earthengine.project"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_repeated(engine, status, message, told):
    client = engine.client()
    engine.fail(times=9, status=status, body={"error": {"code": status, "message": message}})
    with pytest.raises(CredentialError, match=told) as error:
        elevation(client)
    assert "\n" not in str(error.value)
    assert asked(engine) <= 3  # the client renews a token twice after 401


def test_credentials_that_cannot_be_renewed_say_so(engine):
    credentials = AnonymousCredentials()

    def refuse(*_):
        raise RefreshError("invalid_grant: Token has been expired or revoked.")

    credentials.refresh = refuse
    client = engine.client(credentials=credentials)
    engine.fail(times=9, status=401, body={"error": {"code": 401, "message": "expired"}})
    with pytest.raises(CredentialError, match="expired or revoked.*renew"):
        elevation(client)


def test_an_asset_that_does_not_exist_is_no_question_of_the_project(engine):
    client = engine.client()
    engine.fail(status=400, body={"error": {"message": "Image.load: Image asset 'projects/x/y' not found."}})
    with pytest.raises(AcquireError) as error:
        elevation(client)
    assert not isinstance(error.value, CredentialError)


def test_a_server_that_is_gone_ends_in_one_line(engine):
    client = engine.client()
    engine.loopback.close()
    engine.loopback.close = lambda: None
    client.transport.close()  # a connection that is kept open outlives this server
    with pytest.raises(AcquireError, match="connection failed.*after 4 attempts") as error:
        elevation(client)
    assert "\n" not in str(error.value)


def test_faults_while_signing_in_are_asked_again(engine):
    engine.loopback.fail(path="/$discovery/rest", status=503)
    engine.loopback.fail(path="/v1/projects/a-project/algorithms", html="busy")
    engine.loopback.fail(path="/v1/projects/a-project/algorithms", truncate=1000)
    assert elevation(engine.client()).shape == (1, 4, 5)


def test_a_refusal_while_signing_in_says_what_to_do(engine):
    message = "Not signed up for Earth Engine or project is not registered."
    engine.loopback.fail(
        path="/v1/projects/a-project/algorithms", status=403, body={"error": {"code": 403, "message": message}}
    )
    with pytest.raises(CredentialError, match="register it at"):
        engine.client()


def test_the_quota_is_logged_once_and_warns_when_it_is_over(engine, caplog):
    caplog.set_level(logging.INFO, "loam")
    client = engine.client()
    engine.headers = {"x-earth-engine-quota-status": "used=12"}
    elevation(client)
    elevation(client)
    engine.headers = {"x-earth-engine-quota-status": "used=151; parallelism_restricted=true"}
    elevation(client)
    said = [(record.levelname, record.message) for record in caplog.records if "quota-status" in record.message]
    assert said == [
        ("INFO", "Earth Engine, x-earth-engine-quota-status: used=12"),
        ("WARNING", "Earth Engine, x-earth-engine-quota-status: used=151; parallelism_restricted=true"),
    ]
    assert client.transport.quota == {"x-earth-engine-quota-status": "used=151; parallelism_restricted=true"}


def test_requests_and_bytes_are_counted(engine):
    client = engine.client()
    before = client.transport.requests, client.transport.bytes
    elevation(client)
    assert client.transport.requests == before[0] + 1
    assert client.transport.bytes >= before[1] + 4 * 5 * 4
