"""Fetches the clients that are not Python's into build/consumers, and starts them: one process each, told by lines."""

import contextlib
import fcntl
import hashlib
import json
import os
import selectors
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

ROOM: Final = Path(__file__).resolve().parent
WSDL: Final = ROOM / "orders.wsdl"
_ROOT: Final = ROOM.parents[1]
_BUILD: Final = _ROOT / "build" / "consumers"
_NODE_PACKAGES: Final = _ROOT / "fixtures" / "interop" / "node_soap"
"""The same node-soap that signs there."""
_NODE: Final = 20
"""What its packages ask for."""
_FETCH_SECONDS: Final = 600
_ANSWER_SECONDS: Final = 60.0


class ConsumerMissingError(Exception):
    """A client cannot be run on this machine; the message says what would help."""


class ConsumerFailedError(Exception):
    """A client is not what it should be, or died."""


@dataclass(frozen=True)
class Reading:
    """What a client made of an answer: one of the three."""

    text: str | None = None
    """Of the first element in the Body."""
    fault: str | None = None
    """The reason that the SOAP Fault gives."""
    error: str | None = None
    """What it raised."""


class Program:
    """A running client. Ask it only from one thread."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        """Start it in `folder`, without the proxies of the environment: it talks to loopback alone."""
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self._errors = folder / f"errors-{os.getpid()}"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )

    def __enter__(self) -> Self:
        """It is running already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._errors.unlink(missing_ok=True)

    def read(self, kind: str, version: str, url: str) -> Reading:
        """Let the client `kind` ask `url` for an order, in SOAP `version`.

        Raises:
            ConsumerFailedError: It died, or did not answer in time.
        """
        return Reading(**self.ask(kind, version, url))

    def ask(self, kind: str, version: str, url: str) -> dict[str, Any]:
        """The same; what it printed, as it is.

        Raises:
            ConsumerFailedError: It died, or did not answer in time.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{kind} {version} {url}\n".encode())
            self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:  # unlike select() for any number of open files
            selector.register(self._process.stdout, selectors.EVENT_READ)
            is_ready = bool(selector.select(_ANSWER_SECONDS))
        line = self._process.stdout.readline() if is_ready else b""
        if not line:
            raise ConsumerFailedError(f"{kind} does not answer: {self._errors.read_text(errors='replace')[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        return found


def java() -> Program:
    """Apache CXF and SAAJ, in one process of Java.

    Raises:
        ConsumerMissingError: There is no JDK or no Maven, or the jars cannot be fetched.
        ConsumerFailedError: A jar is not the one that jars.sha256 names.
    """
    return _program("Consumers")


def java_multipart() -> Program:
    """Apache CXF with MTOM (`cxf`) and SAAJ (`saaj`), which read orders with documents (`Multipart.java`).

    Raises:
        ConsumerMissingError: There is no JDK or no Maven, or the jars cannot be fetched.
        ConsumerFailedError: A jar is not the one that jars.sha256 names.
    """
    return _program("Multipart", "ask")


def read_by_java(listing: Path) -> list[dict[str, Any]]:
    """What Apache CXF and SAAJ make of every body of `listing`: two lines of JSON for each (`Multipart.java`).

    Raises:
        ConsumerMissingError: There is no JDK or no Maven, or the jars cannot be fetched.
        ConsumerFailedError: A jar is not the one that jars.sha256 names, or the program failed.
    """
    command, folder = _command("Multipart")
    return [json.loads(line) for line in _run([*command, "read", listing], folder).splitlines()]


def _program(*words: str) -> Program:
    command, folder = _command(words[0])
    return Program([*command, *words[1:]], folder)


def _command(name: str) -> tuple[list[str | Path], Path]:
    """How the program `name` of this folder is run, and where."""
    for program in ("java", "javac", "mvn"):
        if shutil.which(program) is None:
            raise ConsumerMissingError(
                f"{program} is not installed here; on Debian: apt-get install default-jdk-headless maven"
            )
    sources = (ROOM / "Consumers.java", ROOM / "Multipart.java")
    with _made("java", ROOM / "pom.xml", ROOM / "jars.sha256", *sources) as (folder, is_new):
        if is_new:
            jars = folder / "jars"
            goal = "dependency:copy-dependencies"
            _fetch(["mvn", "-q", "-B", "-C", "-f", ROOM / "pom.xml", goal, f"-DoutputDirectory={jars}"], folder)
            check_jars(jars)
            _run(["javac", "-cp", f"{jars}/*", "-d", folder, *sources], folder)
    # Few messages, once: what the second compiler would do for them takes longer than they do.
    options = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
    return ["java", *options, "-cp", f"{folder}:{folder}/jars/*", name], folder


def node() -> Program:
    """node-soap.

    Raises:
        ConsumerMissingError: There is no Node.js, an old one or no npm, or the packages cannot be fetched.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise ConsumerMissingError(f"{program} is not installed here; on Debian: apt-get install nodejs npm")
    version = _run(["node", "--version"], ROOM).strip()
    if int(version.removeprefix("v").partition(".")[0]) < _NODE:
        raise ConsumerMissingError(f"node-soap needs Node.js {_NODE} or newer, and here is {version}")
    names = ("package.json", "package-lock.json")
    with _made("node", *(_NODE_PACKAGES / name for name in names)) as (folder, is_new):
        if is_new:
            for name in names:
                shutil.copy(_NODE_PACKAGES / name, folder / name)
            _fetch(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    return Program(["node", ROOM / "consumers.js", WSDL], folder)


@contextmanager
def _made(name: str, *sources: Path) -> Iterator[tuple[Path, bool]]:
    """The folder of what is made from `sources`, and whether it is to be made now: once, by whoever comes first."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    folder = _BUILD / name
    stamp = folder / "made"
    _BUILD.mkdir(parents=True, exist_ok=True)
    with (_BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of pytest-xdist
        is_new = not stamp.exists() or stamp.read_text() != digest
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        yield folder, is_new
        if is_new:
            stamp.write_text(digest)


def check_jars(jars: Path) -> None:
    """See that `jars` holds the jars that jars.sha256 names, and no other.

    Raises:
        ConsumerFailedError: It does not.
    """
    wanted = {}
    for line in (ROOM / "jars.sha256").read_text().splitlines():
        digest, name = line.split()
        wanted[name] = digest
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.iterdir()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        raise ConsumerFailedError(f"these jars are not those that jars.sha256 names: {', '.join(wrong)}")


def _fetch(command: Sequence[str | Path], folder: Path) -> None:
    try:
        _run(command, folder)
    except ConsumerFailedError as error:
        if "CI" in os.environ:
            raise  # what decides about a change is not skipped for want of a network
        raise ConsumerMissingError(f"{command[0]} cannot fetch what the clients need: {error}") from error


def _run(command: Sequence[str | Path], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ConsumerFailedError(f"{command[0]} took longer than {_FETCH_SECONDS} seconds") from error
    if done.returncode != 0:
        raise ConsumerFailedError(f"{command[0]} failed: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
