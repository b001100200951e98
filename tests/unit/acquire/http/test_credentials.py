import json
import pickle

import pytest

from loam.acquire.http import credentials
from loam.acquire.http.credentials import CDS_URL, Secret
from loam.errors import CredentialError

NETRC = "machine urs.earthdata.nasa.gov login me password hunter2\n"


def test_a_secret_does_not_show_itself():
    secret = Secret(" hunter2\n")
    assert secret.reveal() == "hunter2" and secret == Secret("hunter2")
    shown = [repr(secret), str(secret), f"{secret}", f"{[secret]}", repr(credentials.Login("me", secret))]
    assert not any("hunter2" in text for text in shown)
    with pytest.raises(TypeError):
        json.dumps({"key": secret})
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    ("service", "fix"),
    [
        ("earthengine", "set EARTHENGINE_SERVICE_ACCOUNT_KEY"),
        ("earthdata", "set EARTHDATA_TOKEN"),
        ("cds", "set CDSAPI_KEY"),
        ("tern", "set TERN_API_KEY"),
        ("dataspace", "set CDSE_USERNAME and CDSE_PASSWORD"),
    ],
)
def test_missing_credentials_are_one_line_that_says_what_to_do(no_credentials, service, fix):
    with pytest.raises(CredentialError, match=fix) as error:
        getattr(credentials, service)()
    assert "\n" not in str(error.value)


def test_the_environment_is_read(no_credentials, monkeypatch):
    for name in ("EARTHDATA_TOKEN", "CDSAPI_KEY", "TERN_API_KEY", "CDSE_USERNAME", "CDSE_PASSWORD"):
        monkeypatch.setenv(name, f"{name} value")
    assert credentials.earthdata().token.reveal() == "EARTHDATA_TOKEN value"
    assert credentials.cds().key.reveal() == "CDSAPI_KEY value" and credentials.cds().url == CDS_URL
    assert credentials.tern().reveal() == "TERN_API_KEY value"
    assert credentials.dataspace().user == "CDSE_USERNAME value"
    assert credentials.dataspace().password.reveal() == "CDSE_PASSWORD value"


def test_an_empty_variable_is_none(no_credentials):
    with pytest.raises(CredentialError):
        credentials.tern({"TERN_API_KEY": "  "})


def test_a_user_without_a_password_is_an_error(no_credentials):
    with pytest.raises(CredentialError, match="EARTHDATA_USERNAME is set alone; set EARTHDATA_USERNAME and"):
        credentials.earthdata({"EARTHDATA_USERNAME": "me"})
    with pytest.raises(CredentialError, match="CDSE_PASSWORD is set alone") as error:
        credentials.dataspace({"CDSE_PASSWORD": "hunter2"})
    assert "hunter2" not in str(error.value)


def test_earthdata_takes_a_token_before_a_password_before_netrc(no_credentials):
    (no_credentials / ".netrc").write_text(NETRC)
    environ = {"EARTHDATA_USERNAME": "you", "EARTHDATA_PASSWORD": "p"}
    assert credentials.earthdata({**environ, "EARTHDATA_TOKEN": "t"}).login is None
    assert credentials.earthdata(environ).login.user == "you"
    found = credentials.earthdata({})
    assert found.login.user == "me" and found.login.password.reveal() == "hunter2"
    assert found.source == str(no_credentials / ".netrc") and "hunter2" not in repr(found)


def test_netrc_of_other_hosts_does_not_count_and_a_broken_one_does_not_show_its_text(no_credentials):
    file = no_credentials / ".netrc"
    file.write_text("machine example.org login me password hunter2\n")
    with pytest.raises(CredentialError, match="no NASA Earthdata credentials"):
        credentials.earthdata({})
    file.write_text("machine urs.earthdata.nasa.gov login me passwort hunter2\n")
    with pytest.raises(CredentialError, match=".netrc: cannot be read") as error:
        credentials.earthdata({})
    assert "hunter2" not in str(error.value)


def test_the_climate_stores_file_is_read(no_credentials):
    (no_credentials / ".cdsapirc").write_text("# mine\nurl: https://cds.example/api\nkey: 1:hunter2\n")
    found = credentials.cds({})
    assert found.url == "https://cds.example/api" and found.key.reveal() == "1:hunter2"
    assert credentials.cds({"CDSAPI_KEY": "other"}).key.reveal() == "other"
    assert credentials.cds({"CDSAPI_KEY": "other"}).url == "https://cds.example/api"


def test_a_service_accounts_key_gives_its_email_and_project(no_credentials, tmp_path):
    file = tmp_path / "key.json"
    account = {"type": "service_account", "client_email": "a@b.iam", "project_id": "soil", "private_key": "hunter2"}
    file.write_text(json.dumps(account))
    found = credentials.earthengine({"EARTHENGINE_SERVICE_ACCOUNT_KEY": str(file)})
    assert (found.kind, found.file, found.email, found.project) == ("service_account", file, "a@b.iam", "soil")
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "no such file"), ("{", "cannot be read as JSON"), ('{"type": "authorized_user"}', "not the key of a")],
)
def test_a_service_accounts_key_that_is_none_is_an_error(no_credentials, tmp_path, text, said):
    file = tmp_path / "key.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CredentialError, match=said):
        credentials.earthengine({"EARTHENGINE_SERVICE_ACCOUNT_KEY": str(file)})


def test_application_default_credentials_are_found_then_those_of_earthengine_authenticate(no_credentials):
    user = no_credentials / ".config" / "earthengine" / "credentials"
    default = no_credentials / ".config" / "gcloud" / "application_default_credentials.json"
    for file, text in [(user, '{"project": "a"}'), (default, '{"quota_project_id": "b"}')]:
        file.parent.mkdir(parents=True)
        file.write_text(text)
    assert credentials.earthengine({}).kind == "application_default" and credentials.earthengine({}).project == "b"
    default.unlink()
    assert credentials.earthengine({}).kind == "user" and credentials.earthengine({}).project == "a"
    with pytest.raises(CredentialError, match="GOOGLE_APPLICATION_CREDENTIALS.*no such file"):
        credentials.earthengine({"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"})
