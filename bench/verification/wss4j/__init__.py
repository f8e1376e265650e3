"""WSS4J, the usual judge of such messages in Java, as a contestant: needs a JDK and Maven.

The Java program answers commands on its standard input. Its processor time is read from outside, by the clock of its
process: that of all its threads, the collector and the compiler among them, as everybody else's is that of the whole
process. The compiler has done its work before the first round.
"""

import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from bench.memory import peak

_ROOM: Final = Path(__file__).resolve().parent
_RESULTS: Final = _ROOM.parent.parent / "results"
"""Jars are fetched once, and kept with the results, which are not committed."""
_FIRST_CALLS: Final = 15_000
_MOST_FIRST_SECONDS: Final = 60.0
"""Of processor time, before the first message is measured: HotSpot compiles in stages, by the count of calls."""
_WARM_SECONDS: Final = 3.0
"""Of processor time, for each further message."""
_MAVEN_SECONDS: Final = 600


class Wss4jMissing(Exception):  # noqa: N818 - a state of the machine, not an error of anyone
    """WSS4J cannot be run here; the message says why, and what would help."""


class Wss4j:
    """A Java process that verifies, from `with` to its end."""

    program = "Verify.java"
    pom = "pom.xml"
    jars = _RESULTS / "wss4j-jars"

    def __init__(self, certificate: Path) -> None:
        """Trust `certificate`, a PEM file. Nothing is started yet."""
        self._certificate = certificate
        self._stack = ExitStack()
        self._is_warm = False

    def __enter__(self) -> Self:
        """Fetch the jars where that has not been done, and start.

        Raises:
            Wss4jMissing: There is no JDK or no Maven, or the jars cannot be fetched.
        """
        java, maven = shutil.which("java"), shutil.which("mvn")
        if java is None or maven is None or shutil.which("javac") is None:
            raise Wss4jMissing("WSS4J is left out: it needs a JDK and Maven (on Debian: default-jdk-headless, maven)")
        _fetch(maven, _ROOM / self.pom, self.jars)
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._message = folder / "message.xml"
        self._errors = self._stack.enter_context((folder / "errors").open("w+"))
        self._process = self._stack.enter_context(
            subprocess.Popen(
                [java, "-cp", f"{self.jars}/*", _ROOM / self.program, self._certificate],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        )
        self._stack.callback(self._process.kill)
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._stack.close()

    @property
    def memory_peak(self) -> int:
        """The most octets that the Java process has had in memory; it takes what its settings let it take."""
        return peak(self._process.pid)

    def load(self, message: bytes) -> None:
        """Verify `message` from now on, and warm up with it."""
        self._message.write_bytes(message)
        self._command(f"load {self._message}")
        start, calls = self._processor_seconds(), 0
        most_seconds = _WARM_SECONDS if self._is_warm else _MOST_FIRST_SECONDS
        while self._processor_seconds() - start < most_seconds and calls < _FIRST_CALLS:
            self._command("run 5")
            calls += 5
        self._is_warm = True

    def run(self, times: int) -> float:
        """Verify `times` times; the processor time of the Java process."""
        start = self._processor_seconds()
        self._command(f"run {times}")
        return self._processor_seconds() - start

    def _processor_seconds(self) -> float:
        # clock_getcpuclockid(3) of glibc: the clock of another process is made from its number.
        return time.clock_gettime(~self._process.pid << 3 | 2)

    def _command(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if answer != "done":
            self._errors.seek(0)
            raise Wss4jMissing(f"WSS4J is left out: {answer or self._errors.read()[-500:]}")


class Wss4jMultipart(Wss4j):
    """The same for multipart messages: attachments signed after the SwA profile, and what xop:Include names, expanded.

    CXF takes them apart, as part of each verification.
    """

    program = "VerifyMultipart.java"
    pom = "multipart.pom.xml"
    jars = _RESULTS / "wss4j-multipart-jars"

    def load_multipart(self, content_type: str, body: bytes) -> None:
        """Verify a multipart message from now on, and warm up with it."""
        self._message.with_name(f"{self._message.name}.type").write_text(content_type, encoding="latin-1")
        self.load(body)


def _fetch(maven: str, pom: Path, jars: Path) -> None:
    if any(jars.glob("wss4j-ws-security-dom-*.jar")):
        return
    done = subprocess.run(
        [maven, "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={jars}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_MAVEN_SECONDS,
    )
    if done.returncode != 0:
        words = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise Wss4jMissing(f"WSS4J is left out: Maven cannot fetch it: {words[0] if words else done.stderr[-300:]}")
