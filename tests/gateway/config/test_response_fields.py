"""Which response header fields a configuration may admit."""

from pathlib import Path

import pytest

from gateway.config import ConfigurationError, load_settings
from gateway.config.response_fields import MOST_FIELD_NAMES

ENDPOINT = '[endpoint.orders]\npath = "/orders"\nupstream = "https://receiver.example/ws"\n'


def _load(folder: Path, *names: str) -> tuple[str, ...]:
    config = folder / "gateway.toml"
    written = ", ".join(f"'{name}'" for name in names)
    config.write_text(f"{ENDPOINT}response_headers = [{written}]\n")
    return load_settings(config).endpoints["orders"].response_headers


def test_names_in_any_spelling_and_once(tmp_path: Path) -> None:
    names = ("X-Acme-Trace", "x-ACME-trace", "Server-Timing", "WWW-Authenticate", "x!#$%&*+.^`|~1")
    assert _load(tmp_path, *names) == ("x-acme-trace", "server-timing", "www-authenticate", "x!#$%&*+.^`|~1")


@pytest.mark.parametrize(
    "name",
    [
        "X-Accel-Redirect",
        "x-accel-expires",
        "X.Accel.Redirect",
        "X-Sendfile",
        "X-Sendfile-Type",
        "X-LIGHTTPD-send-file",
        "X-Reproxy-URL",
        "X-LiteSpeed-Location",
        "Content-Location",
        "Content-Range",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Content-Length",
        "Content-Encoding",
        "Transfer-Encoding",
        "Connection",
        "Trailer",
        "Upgrade",
        "Proxy-Authenticate",
        "Status",
        "Alt-Svc",
        "Refresh",
        "Link",
        "MIME-Version",
        "X-HTTP-Method-Override",
        "Service-Worker-Allowed",
        "Clear-Site-Data",
        "Surrogate-Control",
        "Surrogate-Key",
        "Cache-Tag",
        "CDN-Cache-Control",
        "Cloudflare-CDN-Cache-Control",
        "X-Envoy-Immediate-Health-Check-Fail",
        "ETag",
        "WSSGate-Key",
    ],
)
def test_what_steers_proxies_or_framing_cannot_be_admitted(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, "X-Acme-Trace", name)
    (problem,) = caught.value.problems
    assert f'endpoint.orders.response_headers[1] = "{name}" cannot be passed on: proxies' in problem
    assert 'allowed are other names, such as "X-Acme-Trace"' in problem


@pytest.mark.parametrize("name", ["", "X_Accel_Redirect", "X-Acme_Trace", "X Acme", "X-Acme:", "X-Acmé", "x" * 65])
def test_what_is_no_name_cannot_be_admitted(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, name)
    (problem,) = caught.value.problems
    assert f'endpoint.orders.response_headers[0] = "{name}" must be the name of a header field: 1 to 64' in problem


def test_the_names_are_bounded(tmp_path: Path) -> None:
    names = [f"x-{number}" for number in range(MOST_FIELD_NAMES + 1)]
    assert len(_load(tmp_path, *names[1:])) == MOST_FIELD_NAMES
    with pytest.raises(ConfigurationError, match=r"response_headers.* at most 64 items"):
        _load(tmp_path, *names)


def test_an_environment_variable_names_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSSGATE_ENDPOINT__ORDERS__RESPONSE_HEADERS", '["X-Acme-Trace"]')
    assert _load(tmp_path) == ("x-acme-trace",)
