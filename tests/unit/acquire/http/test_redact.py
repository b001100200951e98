import pytest

from loam.acquire.http.redact import redact, redact_text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.org/b/c.tif?X-Amz-Signature=hunter2#hunter2", "https://a.org/b/c.tif"),
        ("https://apikey:hunter2@a.org:8443/b", "https://a.org:8443/b"),
        ("https://me:hun@ter2@a.org/b", "https://a.org/b"),
        ("s3://eodata/Sentinel-2/x.SAFE", "s3://eodata/Sentinel-2/x.SAFE"),
        ("http://[::1:80/hunter2", "(an address that cannot be read)"),
    ],
)
def test_an_address_shows_host_and_path_only(url, shown):
    assert redact(url) == shown


def test_addresses_and_authorizations_in_a_text_are_cut():
    text = "GET 'https://me:hunter2@a.org/b?key=hunter2' sent Authorization: Bearer hunter2hunter2hun to /x?y=hunter2"
    assert redact_text(text) == "GET 'https://a.org/b' sent Authorization: Bearer *** to /x"


def test_ordinary_text_stays():
    text = "basic authentication is needed. Why? See the terms at https://a.org/terms"
    assert redact_text(text) == text
