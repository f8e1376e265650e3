"""The page about the architecture names files that are there, and the table of rooms names every room."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def rooms() -> set[str]:
    """The packages that a reader of the tree sees, and modules that stand beside them."""
    packages = {path.parent for path in (ROOT / "gateway").rglob("__init__.py")} - {ROOT / "gateway"}
    shown = {path for path in packages if "migrations" not in path.parts}
    beside = {path for path in (ROOT / "gateway").glob("*.py") if path.name != "__init__.py"}
    names = {f"{path.relative_to(ROOT)}/" for path in shown} | {str(path.relative_to(ROOT)) for path in beside}
    return names | {"keystore/", "keystore/reading/", "keystore/store/"}


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:gateway|keystore)/[\w/]+\.py)`", PAGE))
    assert len(named) > 40
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_every_name_beside_a_file_is_in_it() -> None:
    for name, file in (
        ("runs_inline", "gateway/exchange/judgement.py"),
        ("may_leave", "gateway/vocabulary.py"),
        ("Unpacker", "gateway/exchange/extension_points.py"),
        ("Direction", "gateway/exchange/extension_points.py"),
        ("Recorder", "gateway/exchange/extension_points.py"),
        ("Gateway", "gateway/service/gateway.py"),
    ):
        assert f"`{name}`" in PAGE
        assert re.search(rf"^(?:def|class) {name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_picture_shows_the_packages() -> None:
    picture = PAGE[PAGE.index("```mermaid") : PAGE.index("```", PAGE.index("```mermaid") + 3)]
    drawn = {*re.findall(r"^ +(\w+)", picture, re.MULTILINE), *re.findall(r"--> (\w+)", picture)}
    packages = {path.parent.name for path in (ROOT / "gateway").glob("*/__init__.py")} | {"keystore"}
    assert drawn == packages


def test_the_table_of_rooms_is_complete() -> None:
    listed = re.findall(r"^\| `([\w/.]+)` \|", CONTRIBUTING, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == rooms()


def test_no_two_modules_share_a_name() -> None:
    """But for the errors of each package, and for a command and the model that it shows."""
    modules = [
        path.relative_to(ROOT)
        for room in ("gateway", "keystore")
        for path in (ROOT / room).rglob("*.py")
        if not path.name.startswith("__") and "migrations" not in path.parts
    ]
    found: dict[str, list[Path]] = {}
    for module in modules:
        if module.name != "errors.py" and module.parts[:2] != ("gateway", "cli"):
            found.setdefault(module.name, []).append(module)
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
    helpers = {path.name for path in modules if path.parts[:2] == ("gateway", "cli")} & set(found)
    assert helpers <= {"usage.py", "rejections.py"}
