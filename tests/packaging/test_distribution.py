"""Wheel and source distribution: built as anybody builds them, and taken by what checks them before an upload."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return folder


def test_both_pass_the_check_before_an_upload(built: Path) -> None:
    files = sorted(built.iterdir())
    assert [file.suffix for file in files] == [".whl", ".gz"]
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout.count("PASSED")) == (0, 2), ran.stdout + ran.stderr


def test_the_wheel_has_the_program_and_its_manual_pages_alone(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name and ".data/" not in name} == {
        "gateway",
        "keystore",
    }
    pages = [name for name in names if "/share/man/man1/" in name]
    assert len(pages) == len(list((ROOT / "docs" / "man").glob("*.1")))


def test_the_sources_are_enough_to_build_from(built: Path, tmp_path: Path) -> None:
    (sources,) = built.glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", sources, "-C", tmp_path], check=True, timeout=60)
    (folder,) = tmp_path.iterdir()
    for name in ("LICENSE", "CHANGELOG.md", "requirements.lock", "container/install.sh", "Dockerfile", "Makefile"):
        assert (folder / name).exists(), name
    out = tmp_path / "again"
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, folder],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (again,), (first,) = out.iterdir(), built.glob("*.whl")
    with zipfile.ZipFile(again) as one, zipfile.ZipFile(first) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
