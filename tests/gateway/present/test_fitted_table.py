"""Tables at every width: no name is broken, nothing is lost, and what fits looks as ever."""

import io

import pytest
from rich.console import Console, Group, RenderableType
from rich.text import Text

from gateway.present import bare_table, indented, unbroken

OPERATION = "{urn:example:orders:2024}GetOrderConfirmationDetails"
ALIAS = "acme-production-signing-2026-06"
FINGERPRINT = "ab:" * 31 + "cd"
SENTENCE = "the receiver signs with the old key, and one operation lags behind the others since yesterday"


def rendered(renderable: RenderableType, width: int) -> list[str]:
    return [line.rstrip() for line in raw(renderable, width)]


def raw(renderable: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(renderable, crop=False)
    return captured.get().splitlines()


def wide() -> RenderableType:
    table = bare_table(("operation", "alias", "messages", "remark"), {"messages"})
    table.add_row(Text(OPERATION), Text(ALIAS), Text("12"), Text(SENTENCE))
    table.add_row(Text("Ping"), Text("b"), Text("1,234"), Text("注文 fine"))
    return table


def test_what_fits_is_one_line_a_row() -> None:
    lines = rendered(wide(), 300)
    assert len(lines) == 3
    assert lines[0].split() == ["operation", "alias", "messages", "remark"]
    assert lines[1].split("  ")[0] == OPERATION
    assert lines[2].index("1,234") + 5 == lines[0].index("messages") + 8, "figures are flush right"


@pytest.mark.parametrize("width", range(20, 301, 7))
def test_no_name_is_ever_broken_and_nothing_is_lost(width: int) -> None:
    for renderable in (wide(), indented(wide()), indented(indented(wide()))):
        lines = rendered(renderable, width)
        for name in (OPERATION, ALIAS, "12", "Ping", "1,234"):
            assert any(name in line for line in lines), (width, name)
        words = " ".join(lines).split()
        assert all(word in words for word in SENTENCE.split())
        longest = max(len(word) for word in words) + len("operation") + 8
        assert max(map(len, lines)) <= max(width, longest)


def test_a_narrow_terminal_gets_columns_that_break_between_words() -> None:
    lines = rendered(wide(), 130)
    assert lines[0].split() == ["operation", "alias", "messages", "remark"]
    assert len(lines) > 3


def test_where_no_column_can_be_narrower_each_row_is_a_list() -> None:
    lines = rendered(wide(), 50)
    assert lines[0] == f"operation  {OPERATION}"
    assert lines[1] == f"alias      {ALIAS}"
    assert lines[3].startswith("remark     the receiver signs")
    assert lines[4].startswith(" " * 11), "further lines hang below the first one"
    assert "" in lines, "rows stand apart"


def test_one_long_name_has_a_line_of_its_own_and_takes_no_column_away() -> None:
    table = bare_table(("operation", "messages", "last seen"), {"messages"})
    table.add_row(Text("x" * 79), Text("1"), Text("2026-06-01 12:00:00"))
    table.add_row(Text("Ping"), Text("22"), Text("2026-06-01 12:00:00"))
    assert rendered(table, 80) == [
        "operation  messages  last seen",
        "x" * 79,
        "                  1  2026-06-01 12:00:00",
        "Ping             22  2026-06-01 12:00:00",
    ]


def test_a_list_of_names_and_values_keeps_its_values_whole() -> None:
    table = bare_table(("", ""), show_headings=False)
    table.add_row(Text("  SHA-256"), Text(FINGERPRINT))
    table.add_row(Text("  subject"), Text(SENTENCE))
    table.add_row(Text("  to read aloud"), Text("c0 ff"))
    table.add_row(Text("  empty"), Text(""))
    assert "  to read aloud  c0 ff" in rendered(table, 110), "a label stays on its line"
    lines = rendered(table, 60)
    assert lines[0] == f"  SHA-256        {FINGERPRINT}", "beyond the end of the line, and whole"
    assert all(len(line) <= 60 for line in lines[1:])
    assert lines[-1] == "  empty"
    assert rendered(table, 300)[0] == f"  SHA-256        {FINGERPRINT}"


def test_a_table_may_be_shown_at_one_width_after_another() -> None:
    table = wide()
    assert [len(rendered(table, width)) for width in (300, 80, 130, 300)][::3] == [3, 3]


def test_cells_may_have_lines_of_their_own() -> None:
    table = bare_table(("a", "b"))
    table.add_row(Text("x"), Text(f"{ALIAS}\n{ALIAS}"))
    assert sum(ALIAS in line for line in rendered(table, 40)) == 2
    assert sum(ALIAS in line for line in rendered(table, 20)) == 2


def test_a_table_without_rows_has_its_headings() -> None:
    assert rendered(bare_table(("alias", "state")), 80) == ["alias  state"]
    assert rendered(bare_table(("alias", "state")), 5) == []


def test_a_name_that_fits_on_no_line_with_its_label_has_a_line_of_its_own() -> None:
    listed = bare_table(("", ""), show_headings=False)
    fingerprint = "5e" * 32
    listed.add_row(Text("SHA-256 of the body"), Text(fingerprint))
    listed.add_row(Text("state"), Text("trusted"))
    assert rendered(listed, 80) == ["SHA-256 of the body", f"    {fingerprint}", "state                trusted"]
    assert rendered(listed, 66) == ["SHA-256 of the body", f"  {fingerprint}", "state                trusted"]
    assert rendered(listed, 90)[0] == f"SHA-256 of the body  {fingerprint}"
    # One that has room nowhere stays where it is.
    assert rendered(listed, 60)[0] == f"SHA-256 of the body  {fingerprint}"


@pytest.mark.parametrize("width", [40, 80])
def test_a_text_is_broken_between_words_alone_and_has_no_blanks_at_the_ends_of_its_lines(width: int) -> None:
    name = "n" * 100
    text = Text(f"which key is the new one is not known ({name}); declare it: wssgate keystore set NEW --replaces OLD")
    for renderable, indent in ((unbroken(text), ""), (indented(text), "  ")):
        lines = raw(renderable, width)
        assert any(f"({name});" in line for line in lines)
        assert all(len(line) <= width or name in line for line in lines)
        assert all(line == line.rstrip() and line.startswith(indent) for line in lines)
    assert raw(indented(Group(Text("a"), Text(""), Text("b"))), width) == ["  a", "", "  b"]
