"""Settings that go to another process and come back the same."""

import json
from datetime import timedelta
from pathlib import Path

from gateway.config import handed_over, load_settings, taken_over

EVERYTHING = """
[gateway]
listen = "[::1]:8080"
workers = 3
instance = "a"
public_url = "https://gateway.example"
header_timeout = "1500ms"
log_format = "json"
[endpoint.orders]
path = "/orders"
upstream = "https://receiver.example/ws"
mode = "observe"
retention = "1w"
ca_file = "ca.pem"
client_certificate = "client.pem"
[endpoint.orders.policy]
required_parts = ["Body", "{urn:x}Header"]
allow_sha1 = true
actor = "urn:a"
[endpoint.other]
path = "/"
upstream = "http://127.0.0.1:1/"
"""


def test_they_come_back_the_same(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(EVERYTHING)
    settings = load_settings(tmp_path / "gateway.toml")
    again = taken_over(json.loads(json.dumps(handed_over(settings))))
    assert again == settings
    assert list(again.endpoints) == ["orders", "other"]
    assert again.gateway.listen.host == "::1"
    assert again.gateway.header_timeout == timedelta(milliseconds=1500)
    assert again.endpoints["orders"].ca_file == tmp_path / "ca.pem"
