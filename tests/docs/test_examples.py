"""The examples of the operator's guide are taken by the programs that they are for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # comes with uvicorn[standard], without types

from gateway.exchange import release
from tests.gateway.wire.authority import Authority

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"


def test_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here")
    text = (EXAMPLES / "wssgate.service").read_text()
    assert "ExecStart=/opt/wssgate/bin/wssgate serve" in text
    unit = tmp_path / "wssgate.service"
    # What is not installed here must not be looked for.
    unit.write_text(text.replace("/opt/wssgate/bin/wssgate", "/bin/true"))
    ran = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, timeout=60, check=False)
    assert [line for line in ran.stderr.splitlines() if "wssgate.service" in line] == []


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed here")
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; "
        f"client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f; "
        f"uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s; include {EXAMPLES}/nginx.conf; }}"
    )
    ran = subprocess.run([nginx, "-t", "-c", config], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


def test_haproxy_takes_its_configuration(tmp_path: Path) -> None:
    haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if haproxy is None:
        pytest.skip("haproxy is not installed here (on Debian: apt-get install haproxy)")
    certificate = Authority.make(tmp_path, "ca").issue("server")
    whole = tmp_path / "whole.pem"
    whole.write_bytes(certificate.read_bytes() + certificate.with_suffix(".key.pem").read_bytes())
    config = tmp_path / "haproxy.cfg"
    text = (EXAMPLES / "haproxy.cfg").read_text()
    assert "/etc/haproxy/wssgate.pem" in text
    config.write_text(text.replace("/etc/haproxy/wssgate.pem", str(whole)))
    ran = subprocess.run([haproxy, "-c", "-f", config], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, "WARNING" in ran.stdout + ran.stderr) == (0, False), ran.stdout + ran.stderr


def test_compose_file_is_whole() -> None:
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    assert services.keys() == {"database", "gateway-1", "gateway-2", "nginx"}
    for name in ("gateway-1", "gateway-2"):
        assert services[name]["build"] == {"context": "../.."}
        assert f"{name}:/var/lib/wssgate" in services[name]["volumes"], "its signing key stays"
        assert services[name]["read_only"] is True
    assert services["nginx"]["ports"] == ["127.0.0.1:8079:8079"]


def test_guide_names_every_tracing_field_that_leaves() -> None:
    guide = (DOCS / "operate.md").read_text().lower()
    assert {name for name in release.TRACING if f"`{name.decode()}`" not in guide} == set()


def test_guide_names_every_metric_and_links_every_example() -> None:
    guide = (DOCS / "operate.md").read_text()
    source = "".join(path.read_text() for path in (DOCS.parent / "gateway").rglob("*.py"))
    # The one that is none is a function of the database.
    metrics = set(re.findall(r'"(wssgate_[a-z_]+)"', source)) - {"wssgate_refuse_change"}
    assert len(metrics) > 10
    assert {name for name in metrics if name not in guide} == set()
    for example in EXAMPLES.iterdir():
        assert f"](examples/{example.name})" in guide


def test_guide_names_every_logger() -> None:
    guide = (DOCS / "operate.md").read_text()
    source = "".join(path.read_text() for path in (DOCS.parent / "gateway").rglob("*.py"))
    loggers = set(re.findall(r'"(wssgate(?:\.[a-z]+)?)"', source)) - {"wssgate.db"}
    assert len(loggers) > 5
    assert {name for name in loggers if f"`{name}`" not in guide} == set()
