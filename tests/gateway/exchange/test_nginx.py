"""A real nginx in front of the gateway: what the receiver writes does not make it deliver its own files."""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.gateway.exchange.harness import World, envelope, http, run, signed, world
from tests.gateway.exchange.wsdl.test_retrieval import ZEEP_WSDL

_NGINX: Final = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
_INTERNAL: Final = b"a file that nginx delivers where its backend says so"
_CONFIGURATION: Final = """
daemon off;
master_process off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {address};
    location /orders {{ proxy_pass http://{gateway}; }}
    location /ws {{ proxy_pass http://127.0.0.1:{receiver}; }}
    location /internal/ {{ internal; alias {folder}/internal/; }}
  }}
}}
"""

pytestmark = pytest.mark.skipif(
    _NGINX is None, reason="nginx is not installed (on Debian: apt-get install nginx-light)"
)


@contextlib.asynccontextmanager
async def nginx(folder: Path, it: World) -> AsyncIterator[str]:
    """nginx in front of gateway (/orders) and receiver (/ws), until the block ends; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "internal").mkdir(parents=True)
    (folder / "internal" / "file").write_bytes(_INTERNAL)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            address=address,
            gateway=it.gateway.address,
            receiver=it.receiver.port,
            user="user root;" if os.geteuid() == 0 else "",
        )
    )
    arguments = ("-p", folder, "-c", configuration, "-e", folder / "error.log")
    process = await asyncio.create_subprocess_exec(str(_NGINX), *map(str, arguments))
    try:
        host, port = address.split(":")
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(host, int(port))
                    writer.close()
                    break
                assert process.returncode is None, (folder / "error.log").read_text()
                await asyncio.sleep(0.05)
        yield f"http://{address}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


FAULT: Final = envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring></s:Fault>")
REPLIES: Final = {
    "an accepted message": (signed(), "200 OK", "POST"),
    "an empty answer": (b"", "202 Accepted", "POST"),
    "an unsigned fault": (FAULT, "500 Oops", "POST"),
    "a rejected message": (envelope("<x/>"), "200 OK", "POST"),
    "a WSDL": (ZEEP_WSDL.encode(), "200 OK", "GET"),
}


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_a_receiver_does_not_steer_nginx_in_front_of_the_gateway(
    tmp_path: Path, subtests: pytest.Subtests, mode: str
) -> None:
    async def scenario() -> None:
        options = f'mode = "{mode}"\nunsigned_faults = "pass"'
        async with world(tmp_path, endpoint=options) as it, nginx(tmp_path / "nginx", it) as url:
            for case, (body, status, method) in REPLIES.items():
                with subtests.test(case):
                    it.receiver.reply = http(body, status, X_Accel_Redirect="/internal/file")
                    query = "?wsdl" if method == "GET" else ""
                    steered = await it.ask(method, f"/ws{query}", base=url)
                    assert steered.body == _INTERNAL, "without the gateway it would"
                    response = await it.ask(method, f"/orders{query}", base=url)
                    assert "wssgate-verdict" in response.headers
                    assert response.body != _INTERNAL

    run(scenario())
