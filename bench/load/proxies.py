"""Who is put between load generator and receiver, each started with its own configuration in a folder of its own."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.load.processes import Missing, free_address, running
from fixtures.manifest import entry
from gateway.ledger import migrate, open_database
from keystore.store import KeystoreStore

_NGINX: Final = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  upstream receiver {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen {address};
    location / {{
      proxy_pass http://receiver;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 16 16k;
    }}
  }}
}}
"""
CONFIGURATION: Final = """
[gateway]
listen = "{address}"
admin = "{admin}"
database = "sqlite:///{folder}/wssgate.db"
workers = {workers}
durability = "{durability}"

[endpoint.orders]
path = "/orders"
upstream = "http://{upstream}/ws/orders"
"""


@dataclass(frozen=True)
class Running:
    """A proxy that takes requests."""

    url: str
    pid: int


Start = Callable[[str, Path], AbstractContextManager[Running]]
"""From the HOST:PORT of the receiver and an empty folder."""


def nginx(workers: int) -> Start:
    """nginx as a pass-through."""

    @contextlib.contextmanager
    def start(upstream: str, folder: Path) -> Iterator[Running]:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise Missing("it is not installed (on Debian: apt-get install nginx-light)")
        address = free_address()
        configuration = folder / "nginx.conf"
        configuration.write_text(_NGINX.format(workers=workers, folder=folder, upstream=upstream, address=address))
        command: list[str | Path] = [program, "-p", folder, "-c", configuration, "-e", folder / "start.log"]
        with running(command, address, folder / "log") as pid:
            yield Running(f"http://{address}/orders", pid)

    return start


def pass_through(workers: int) -> Start:
    """The gateway's stack, bare."""

    @contextlib.contextmanager
    def start(upstream: str, folder: Path) -> Iterator[Running]:
        address = free_address()
        command = [sys.executable, "-m", "bench.load.passthrough", address, f"http://{upstream}", str(workers)]
        with running(command, address, folder / "log") as pid:
            yield Running(f"http://{address}/orders", pid)

    return start


def wssgate(workers: int, durability: str) -> Start:
    """The gateway with its defaults, one endpoint and one trusted certificate. Its log goes to a file."""

    @contextlib.contextmanager
    def start(upstream: str, folder: Path) -> Iterator[Running]:
        address, admin = free_address(), free_address()
        configuration = folder / "gateway.toml"
        configuration.write_text(
            CONFIGURATION.format(
                address=address,
                admin=admin,
                folder=folder,
                upstream=upstream,
                workers=workers,
                durability=durability,
            )
        )
        engine = open_database(f"sqlite:///{folder}/wssgate.db")
        try:
            migrate(engine)
            now = datetime.now(UTC)
            KeystoreStore(engine).add("old", entry("old").certificate, who="bench", why="load", at=now)
        finally:
            engine.dispose()
        command: list[str | Path] = [sys.executable, "-m", "gateway.cli", "serve", "--config", configuration]
        with running(command, address, folder / "log") as pid:
            yield Running(f"http://{address}/orders", pid)

    return start
