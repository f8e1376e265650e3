"""Which files a replay reads."""

from pathlib import Path

from gateway.replay.capture_files import find_files


def test_folders_are_walked_in_order_and_files_taken_as_given(tmp_path: Path) -> None:
    for name in ("b/2.xml", "b/1.xml", "b/c/3.xml", "a.xml", "b/.hidden", "b/.git/4.xml", "z.xml"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("<a/>")
    (tmp_path / "b" / "circle").symlink_to(tmp_path / "b", target_is_directory=True)
    given = [tmp_path / "z.xml", tmp_path / "b", tmp_path / "missing.xml", tmp_path / "a.xml"]
    found = [str(path.relative_to(tmp_path)) for path in find_files(given)]
    assert found == ["z.xml", "b/1.xml", "b/2.xml", "b/c/3.xml", "missing.xml", "a.xml"]


def test_a_hidden_file_is_read_when_it_is_named(tmp_path: Path) -> None:
    hidden = tmp_path / ".one.xml"
    hidden.write_text("<a/>")
    assert list(find_files([hidden])) == [hidden]
