"""The container image without a container: the steps of the Dockerfile into a folder, and a gateway that runs from it
as another user, who may write to nothing but the folder of its database.
"""

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.gateway.exchange.harness import KEYS, REQUEST, Receiver, http, run, signed

ROOT: Final = Path(__file__).parents[2]
NOBODY: Final = 65534
CODE: Final = re.compile(r"ImportError|Traceback|Permission denied|Read-only")


def instructions() -> list[str]:
    """Those of the Dockerfile, each on one line."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith("#")]


def stages() -> list[list[str]]:
    found: list[list[str]] = []
    for instruction in instructions():
        if instruction.startswith("FROM "):
            found.append([])
        found[-1].append(instruction)
    return found


def test_the_image_has_no_compiler_and_runs_as_nobody_in_particular() -> None:
    build, final = stages()
    assert not [one for one in (*build, *final) if re.search(r"\b(apt-get|apk|gcc|make)\b", one)]
    assert build[-1] == "RUN sh /sources/container/install.sh /sources /opt/wssgate"
    assert [one for one in final if one.startswith("COPY")] == ["COPY --from=build /opt/wssgate /opt/wssgate"]
    (user,) = [one for one in final if one.startswith("USER ")]
    assert int(user.removeprefix("USER ").split(":")[0]) > 0
    assert final.index(user) < next(n for n, one in enumerate(final) if one.startswith("ENTRYPOINT"))
    assert any(one.startswith("HEALTHCHECK ") for one in final)


def serving() -> list[str]:
    """What the image runs."""
    words: list[str] = []
    for keyword in ("ENTRYPOINT", "CMD"):
        (line,) = [one for one in stages()[1] if one.startswith(f"{keyword} ")]
        words += json.loads(line.removeprefix(f"{keyword} "))
    return words


def health_check() -> list[str]:
    (line,) = [one for one in stages()[1] if one.startswith("HEALTHCHECK ")]
    return [str(one) for one in json.loads(line.partition(" CMD ")[2])]


def let_through(folder: Path) -> None:
    """What .dockerignore lets into the build."""
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line.startswith("!"):
            continue
        source, target = ROOT / line[1:], folder / line[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def other_user() -> dict[str, Any]:
    """How a process is started as nobody; this user can be no other one than itself."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


def python() -> str | None:
    """A Python that the other user may run and that makes virtual environments."""
    for candidate in (getattr(sys, "_base_executable", sys.executable), shutil.which("python3", path="/usr/bin")):
        if candidate is None:
            continue
        with contextlib.suppress(OSError):
            code = "import ensurepip, ssl, sys, venv; sys.exit(sys.version_info < (3, 11))"
            ran = subprocess.run([candidate, "-c", code], cwd="/", capture_output=True, check=False, **other_user())
            if ran.returncode == 0:
                return candidate
    return None


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that the other user can reach, with the sources as the image gets them, and what is made of them."""
    base = python()
    if base is None:
        pytest.skip("no Python that another user may run: install one for all, such as Debian's python3-venv")
    folder = Path(tempfile.mkdtemp(prefix="wssgate-image-"))
    try:
        folder.chmod(0o755)
        let_through(folder / "sources")
        subprocess.run(
            ["sh", folder / "sources" / "container" / "install.sh", folder / "sources", folder / "opt"],
            env={**os.environ, "PYTHON": base},
            cwd=folder,
            check=True,
            timeout=600,
        )
        shutil.rmtree(folder / "sources")
        for path in (folder / "opt").rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        yield folder
    finally:
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


def test_only_what_runs_is_in_it(place: Path) -> None:
    site = next((place / "opt" / "lib").glob("python3.*/site-packages"))
    assert not [name for name in ("pip", "setuptools", "hatchling", "editables") if (site / name).exists()]
    for package in ("gateway", "keystore"):
        for module in (site / package).rglob("*.py"):
            (compiled,) = (module.parent / "__pycache__").glob(f"{module.stem}.cpython-*.pyc")
            assert compiled.read_bytes()[4] == 0b11, "good as long as the source is this one, whenever it is dated"


def test_a_gateway_serves_from_a_tree_that_it_cannot_write_to(place: Path) -> None:
    state = place / "state"
    state.mkdir()
    if os.getuid() == 0:
        os.chown(state, NOBODY, NOBODY)
    environment = {
        "PATH": f"{place / 'opt/bin'}:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "error",
    }

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=state,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **other_user(),
        )

    async def scenario() -> None:
        receiver = Receiver(http(signed()))
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        config = state / "gateway.toml"
        config.write_text(
            '[gateway]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\n'
            f'[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:{port}/ws"\n'
        )
        certificate = x509.load_pem_x509_certificate((KEYS / "old.pem").read_bytes())
        (state / "old.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        for file in (config, state / "old.pem"):
            file.chmod(0o644)
        for words in ("migrate", "keystore add old old.pem --reason test -e orders", "serve --check"):
            ran = await asyncio.to_thread(call, "wssgate", *shlex.split(words), "--config", str(config))
            assert (ran.returncode, CODE.search(ran.stderr)) == (0, None), ran.stdout + ran.stderr
        command = [word if word != "/etc/wssgate/gateway.toml" else str(config) for word in serving()]
        log = place / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=state, env=environment, stderr=output, **other_user())
        try:
            line: dict[str, Any] = {}
            while line.get("event") != "serving":
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.1)
                lines = [json.loads(one) for one in log.read_text().split("\n")[:-1]]
                line = next((one for one in lines if one["event"] == "serving"), {})
            async with aiohttp.ClientSession() as session:
                headers = {"Content-Type": "text/xml; charset=utf-8"}
                async with session.post(f"{line['listen']}/orders", data=REQUEST, headers=headers) as response:
                    assert (response.status, await response.read()) == (200, signed())
            check = [one.replace("http://127.0.0.1:8081", str(line["admin"])) for one in health_check()]
            assert (await asyncio.to_thread(call, *check)).returncode == 0
            process.terminate()
            assert await asyncio.to_thread(process.wait, 60) == 0
            assert not CODE.search(log.read_text())
            assert (await asyncio.to_thread(call, *check)).returncode != 0, "nothing answers any more"
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(60)
            server.close()
        names = {path.name for path in state.iterdir()}
        assert {"wssgate.db", "wssgate-signing.key"} <= names

    run(scenario(), 240)
