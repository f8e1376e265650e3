"""What other packages see of the verifier: two modules, which cost little to import."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import gateway.verify
import gateway.verify.parts

ROOT: Final = Path(__file__).parents[3]
FACES: Final = {"gateway.verify", "gateway.verify.parts"}
HEAVY: Final = {"asyncio", "sqlalchemy", "aiohttp", "uvicorn", "structlog", "xmlsec", "signxml"}


def imported(file: Path) -> Iterator[tuple[str, str]]:
    """Each name that `file` imports from the verifier, and the module that it is imported from."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gateway.verify"):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.startswith("gateway.verify"))


def test_other_packages_import_the_faces_alone() -> None:
    inside = ROOT / "gateway" / "verify"
    files = [file for room in ("gateway", "keystore", "bench", "fixtures") for file in (ROOT / room).rglob("*.py")]
    found = [(file, *one) for file in files if inside not in file.parents for one in imported(file)]

    assert len(found) > 50
    assert [(str(file), module) for file, module, _ in found if module not in FACES] == []
    exported = {"gateway.verify": gateway.verify.__all__, "gateway.verify.parts": gateway.verify.parts.__all__}
    assert [(str(file), name) for file, module, name in found if name not in exported[module]] == []


def test_what_is_exported_is_there() -> None:
    for face in (gateway.verify, gateway.verify.parts):
        assert all(hasattr(face, name) for name in face.__all__)


def test_to_import_the_verifier_costs_little() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, gateway.verify, gateway.verify.parts; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert HEAVY & set(done.stdout.split()) == set()
