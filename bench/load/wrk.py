"""The load generator: wrk, a C program that leaves the cores to what is measured."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load.processes import Missing

REQUEST: Final = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<ord:listOrders xmlns:ord="urn:example:orders"><ord:customer>4711</ord:customer></ord:listOrders>'
    "</s:Body></s:Envelope>"
)
_SCRIPT: Final = f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "text/xml; charset=utf-8"
wrk.headers["SOAPAction"] = '"urn:example:orders/list"'
wrk.body = [==[{REQUEST}]==]
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nFIGURES {{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "errors": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What a burst of requests met with."""

    requests: int
    seconds: float
    p50: float
    """Milliseconds within which half of the answers came."""
    p99: float
    errors: int
    """Answers that were none, or not of the statuses 2xx and 3xx."""

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds


def wrk() -> str:
    """Where wrk is.

    Raises:
        Missing: It is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise Missing("the load is left out: it needs wrk (on Debian: apt-get install wrk)")
    return found


def load(url: str, seconds: int, connections: int, folder: Path) -> Load:
    """Send requests to `url` on that many connections for that time.

    Raises:
        Missing: wrk is not installed, or did not do its work.
    """
    script = folder / "request.lua"
    script.write_text(_SCRIPT)
    done = subprocess.run(
        [wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script, url],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("FIGURES ")), None)
    if line is None:
        raise Missing(f"wrk gave no figures: {(done.stderr or done.stdout).strip()[-300:]}")
    found = json.loads(line.removeprefix("FIGURES "))
    return Load(found["requests"], found["microseconds"] / 1e6, found["p50"] / 1e3, found["p99"] / 1e3, found["errors"])
