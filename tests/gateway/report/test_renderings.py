import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from gateway.ledger import parse_filter
from gateway.present import OperationNames, age_text, count_text, csv_line, share_text
from gateway.renewal import cutover_csv, cutover_json, cutover_table
from gateway.report import (
    REJECTION_NAMES,
    USAGE_NAMES,
    rejection_report,
    rejections_csv,
    rejections_json,
    rejections_table,
    usage_csv,
    usage_json,
    usage_report,
    usage_table,
)
from gateway.verify import VerifiedBy
from tests.gateway.ledger.load import accepted, rejected, signer
from tests.gateway.report.scene import DAY, GET, NEW, OLD, PLACE, Scene, at

EVIL = '=HYPERLINK("http://127.0.0.1/")[bold red]\x1b[2J\u202e\r\nx'


@pytest.fixture
def busy(scene: Scene) -> Scene:
    """Two endpoints, both keys, rejections, and names that an attacker chose."""
    scene.accept(0, 1, 2, by=[OLD])
    scene.accept(3, 4, by=[NEW])
    scene.accept(4, by=[OLD], operation=PLACE)
    scene.accept(5, by=[NEW], operation="{urn:other}GetOrder")
    scene.accept(6, by=[OLD], endpoint="invoices", operation=None)
    scene.accept(6, by=[OLD], operation=EVIL)
    scene.reject(7, by=[OLD])
    scene.reject(7, 8, mode="observe", released=True, operation=EVIL)
    scene.now = at(65)
    return scene


def _shown(renderable: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _coloured(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard", _environ={})
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _tables(scene: Scene) -> list[RenderableType]:
    usage = usage_report(scene.engine, now=scene.now)
    assert usage.rejections is not None
    return [usage_table(usage), rejections_table(usage.rejections), cutover_table(scene.report(endpoint=None))]


def test_the_usage_table_reads_by_itself(busy: Scene) -> None:
    shown = _shown(usage_table(usage_report(busy.engine, now=busy.now, endpoint="orders", since=at(-1))))
    assert "Which key verified the accepted responses" in shown
    assert "from 2026-06-01 11:59:00 on, as of 2026-06-01 13:05:00; times in UTC" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "PlaceOrder acme-2024 1 ████ 100 % 2026-06-01 12:04:00 2026-06-01 12:04:00 1 h" in lines
    assert "acme-2026 2 █▋ 40 % 2026-06-01 12:03:00 2026-06-01 12:04:00 1 h" in lines
    assert "invoices" not in shown


def test_a_report_on_a_past_time_says_so(busy: Scene) -> None:
    busy.accept(70, by=[OLD])  # in the next hour
    report = usage_report(busy.engine, now=busy.now, endpoint="orders", since=at(0), until=at(30))
    assert sum(row.messages for row in report.rows) == 8
    assert "from 2026-06-01 12:00:00 to 2026-06-01 13:00:00, as of" in _shown(usage_table(report))
    assert report.rejections is not None
    assert "from 2026-06-01 12:00:00 to 2026-06-01 13:00:00, as of" in _shown(rejections_table(report.rejections))
    assert (usage_json(report)["since"], usage_json(report)["until"]) == (
        "2026-06-01T12:00:00Z",
        "2026-06-01T13:00:00Z",
    )
    everything_before = rejection_report(busy.engine, now=busy.now, until=at(60))
    assert "everything on record to 2026-06-01 13:00:00, as of" in _shown(rejections_table(everything_before))
    assert (everything_before.messages, rejections_json(everything_before)["until"]) == (3, "2026-06-01T13:00:00Z")


def _key_lines(scene: Scene, width: int) -> list[str]:
    shown = _shown(usage_table(usage_report(scene.engine, now=scene.now)), width)
    return [line.rstrip() for line in shown.splitlines() if "acme-" in line]


def test_each_role_of_a_key_is_told(scene: Scene) -> None:
    entries = {one: VerifiedBy(one.alias, one.key_id, one.thumbprint) for one in (OLD, NEW)}
    signed = (signer(entries[NEW], 1), signer(entries[OLD], 1, needed=False))
    scene.add(accepted(time=at(0), signers=signed, server="a"), accepted(time=at(1), signers=signed, server="b"))
    # And each server once more with the new key alone.
    alone = (signer(entries[NEW], 3),)
    scene.add(accepted(time=at(0), signers=alone, server="a"), accepted(time=at(1), signers=alone, server="b"))
    late = (signer(entries[OLD], 2),)
    scene.add(rejected("timestamp-stale", time=at(2), signers=late))
    scene.add(rejected("replayed", time=at(3), signers=late))
    scene.now = at(60)
    shown = _shown(usage_table(usage_report(scene.engine, now=scene.now)), 120)
    needed, rejections, repetitions = (
        shown.index(heading)
        for heading in (
            "Which key verified the accepted responses",
            "Known keys that signed rejected responses: they are in use all the same",
            "Known keys whose earlier messages came again and were rejected: no use of them",
        )
    )
    assert needed < shown.index("acme-2024 (not needed)") < rejections < repetitions
    assert [" ".join(line.split()) for line in _key_lines(scene, 120)] == [
        "GetOrder a acme-2026 2 ██ 50 % 2026-06-01 12:00:00 2026-06-01 12:00:00 1 h",
        "acme-2024 (not needed) 1 █ 25 % 2026-06-01 12:00:00 2026-06-01 12:00:00 1 h",
        "b acme-2026 2 ██ 50 % 2026-06-01 12:01:00 2026-06-01 12:01:00 59 min",
        "acme-2024 (not needed) 1 █ 25 % 2026-06-01 12:01:00 2026-06-01 12:01:00 59 min",
        "GetOrder acme-2024 1 ██ 50 % 2026-06-01 12:02:00 2026-06-01 12:02:00 58 min",
        "GetOrder acme-2024 1 ██ 50 % 2026-06-01 12:03:00 2026-06-01 12:03:00 57 min",
    ]
    found: Any = usage_json(usage_report(scene.engine, now=scene.now))
    assert [(row["alias"], row["role"], row["server"]) for row in found["rows"]] == [
        ("acme-2026", "needed", "a"),
        ("acme-2024", "present", "a"),
        ("acme-2026", "needed", "b"),
        ("acme-2024", "present", "b"),
    ]
    assert [(row["role"], row["outcome"]) for row in found["recognised"]] == [("needed", "rejected")]
    assert [(row["role"], row["outcome"]) for row in found["repeated"]] == [("repeated", "rejected")]
    listed = [(row["how"], row["role"]) for row in _rows(usage_csv(usage_report(scene.engine, now=scene.now)))]
    assert listed == [("verified", "needed"), ("verified", "present")] * 2 + [
        ("recognised", "needed"),
        ("recognised", "repeated"),
    ]


def test_on_a_narrow_screen_columns_go_before_names_are_broken(scene: Scene) -> None:
    scene.accept(0, by=[OLD, NEW], server="app-server-1")
    scene.now = at(60)
    for width, missing in (
        (200, set()),
        (110, set()),
        (95, {"first"}),
        (80, {"first", "share"}),
        (70, {"first", "ago"}),
    ):
        shown = _shown(usage_table(usage_report(scene.engine, now=scene.now)), width)
        (headings,) = (line.split() for line in shown.splitlines() if line.split()[:1] == ["operation"])
        assert not missing & set(headings)
        assert {"key", "messages", "last"} <= set(headings)
        assert max(len(line) for line in shown.splitlines()) <= width
        assert len(_key_lines(scene, width)) == 2, "each in one line"


def test_a_name_that_a_stranger_made_long_takes_no_columns_away(scene: Scene) -> None:
    scene.add(
        rejected("dtd", signers=(signer(VerifiedBy(OLD.alias, OLD.key_id, OLD.thumbprint), 1),), operation="x" * 500)
    )
    (shown,) = (line for line in _key_lines(scene, 120) if "acme-2024" in line)
    assert len(shown.split()) == 11, "every other cell of the row, and the name whole above it"
    lines = _shown(usage_table(usage_report(scene.engine, now=scene.now)), 140).splitlines()
    assert f"  {'x' * 119}…" in [line.rstrip() for line in lines]


def test_what_was_delivered_in_mode_observe_is_pointed_out(scene: Scene) -> None:
    scene.reject(1, 2, mode="observe", released=True)
    shown = " ".join(_shown(_tables(scene)[1]).split())
    assert "GetOrder unsigned (2 delivered) 2 2026-06-01 12:01:00 2026-06-01 12:02:00" in shown
    assert shown.endswith("Delivered all the same, because the endpoint was in mode observe: 2")


def test_the_cutover_table_names_the_laggard(scene: Scene) -> None:
    scene.accept(0, 1, by=[OLD])
    scene.accept_every_five(16, after=1, by=[NEW])
    scene.accept(0, 2, by=[OLD], operation=PLACE)
    scene.accept(1, 3, by=[NEW], operation=PLACE)
    scene.now = at(125)
    lines = [" ".join(line.split()) for line in _shown(cutover_table(scene.report())).splitlines()]
    assert lines[4:] == [
        "1 of 2 operations switched to acme-2026; laggard: PlaceOrder (last old-key message 2026-06-01",
        "12:02:00, 2 h ago)",
        "operation state keys seen old key last seen only new key since messages",
        "GetOrder switched acme-2024 2 2026-06-01 12:01:00 2026-06-01 12:06:00 16 of 16",
        "acme-2026 16",
        "PlaceOrder mixed acme-2024 2 2026-06-01 12:02:00 2026-06-01 12:03:00 1 of 16",
        "acme-2026 2",
        "GetOrder: only the new key since 2026-06-01 12:06:00, 1 h ago: 16 messages of the 16 that it",
        "takes; the old key quiet for 1 h 20 min of the 1 h that it takes; old key last 2026-06-01",
        "12:01:00, 2 h ago; a server with less than 25 % of the messages could be missed",
        "PlaceOrder: both keys; only the new key since 2026-06-01 12:03:00, 2 h ago: 1 message of the 16",
        "that it takes; the old key quiet for 1 min of the 1 h that it takes; old key last 2026-06-01",
        "12:02:00, 2 h ago",
    ]


@pytest.mark.parametrize("width", [80, 200])
def test_the_cutover_table_splits_no_name(scene: Scene, width: int) -> None:
    scene.accept(0, by=[OLD], server="node-1.receiver.example")
    scene.accept_every_five(1200, after=1, by=[NEW], server="node-2.receiver.example")
    scene.accept(300, by=[OLD])
    shown = _shown(cutover_table(scene.report()), width)
    assert ("keys seen" in shown) == (width == 200), "below, one cell after the other"
    for name in (
        "GetOrder",
        "at node-1.receiver.example",
        "at node-2.receiver.example",
        "acme-2024 1",
        "acme-2026 1,200",
        "old-only",
        "2026-06-01 17:00:00",
    ):
        assert name in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= width


def test_tables_fit_in_100_columns(busy: Scene) -> None:
    busy.accept(1, by=[NEW], operation="{urn:a-rather-long-namespace:of-some-company}" + "VeryLongOperationName" * 5)
    for table in _tables(busy):
        shown = _shown(table)
        assert max(len(line) for line in shown.splitlines()) <= 100
        assert "…" not in shown.replace("…\n", ""), "nothing that matters is cut off"


def test_nothing_from_a_message_reaches_the_terminal_raw(busy: Scene) -> None:
    for table in _tables(busy):
        shown = _coloured(table)
        for dangerous in ("\x1b[2J", "\u202e", "\r"):
            assert dangerous not in shown
        assert "[bold" in "".join(shown.split("\n")), "shown, not obeyed"


def test_an_empty_ledger_says_so(scene: Scene) -> None:
    assert "No response has been accepted in this time." in _shown(_tables(scene)[0])
    assert "None." in _shown(_tables(scene)[1])
    assert "No endpoint is known." in _shown(cutover_table(scene.report(endpoint=None)))
    assert "no traffic: nothing shows" in _shown(cutover_table(scene.report(endpoints=["orders"])))


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_header_and_no_formulas(busy: Scene) -> None:
    usage = usage_report(busy.engine, now=busy.now)
    assert usage.rejections is not None
    for text in (usage_csv(usage), rejections_csv(usage.rejections), cutover_csv(busy.report(endpoint=None))):
        rows = _rows(text)
        assert list(rows[0])[:2] == ["endpoint", "operation"]
        assert not [value for row in rows for value in row.values() if value.lstrip().startswith(("=", "+", "-", "@"))]
        evil = [row["operation"] for row in rows if "HYPERLINK" in row["operation"]]
        assert set(evil) == {"'" + r'=HYPERLINK("http://127.0.0.1/")[bold red]\x1b[2J\u202e\r\nx'}
    first = _rows(usage_csv(usage))[0]
    assert (first["endpoint"], first["operation"], first["how"], first["share"]) == (
        "invoices",
        "",
        "verified",
        "1.0000",
    )


@pytest.mark.parametrize("start", ["=1", "+1", "-1", "@SUM(1)", " =1", "|cmd", "%0"])
def test_every_start_of_a_formula_is_quoted(scene: Scene, start: str) -> None:
    scene.accept(0, by=[OLD], operation=start)
    assert _rows(usage_csv(usage_report(scene.engine, now=scene.now)))[0]["operation"] == "'" + start


def _cell(text: str) -> str:
    return next(csv.reader([csv_line([text])]))[0]


@pytest.mark.parametrize(
    "sign",
    "\uff1d\uff0b\uff0d\uff20\uff05\uff5c\ufe66\ufe62\ufe63\ufe6b\ufe6a\u207c\u207a\u207b\u208c\u208a\u208b\u2212",
)
@pytest.mark.parametrize("front", ["", " ", "x;"])
def test_a_formula_with_a_full_width_or_small_sign_is_neutralised(sign: str, front: str) -> None:
    assert _cell(f"{front}{sign}1+1") == f"{front.strip()}'{front if front == ' ' else ''}{sign}1+1"


@pytest.mark.parametrize("separator", [",", ";", "|", "\uff0c", "\uff1b", "\ufe54", "؛", "،", "\u3001"])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d"])
@pytest.mark.parametrize("blank", ["", " ", '"', " '"])
def test_a_formula_behind_a_list_separator_is_neutralised(separator: str, sign: str, blank: str) -> None:
    assert _cell(f"x{separator}{blank}{sign}cmd()") == f"x{separator}'{blank}{sign}cmd()"
    assert _cell(f"x{separator * 2}{blank}{sign}cmd()").endswith(f"{separator}'{blank}{sign}cmd()")


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE])
def test_a_spreadsheet_that_expects_another_separator_finds_no_formula(separator: str, quoting: Any) -> None:
    hostile = [
        "x;=cmd()",
        "x\t=cmd()",
        "x,=cmd()",
        "x|=cmd()",
        '";=cmd()',
        'x";"=cmd()',
        "=cmd()",
        ';;" =cmd()',
        "\n=1",
    ]
    line = csv_line([text for pair in zip(hostile, reversed(hostile), strict=True) for text in pair])
    cells = next(csv.reader([line], delimiter=separator, quoting=quoting))
    assert len(cells) > 1 or separator == "\t"
    assert not [cell for cell in cells if cell.lstrip(' "').startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    "front",
    [
        "'",
        '"',
        "''",
        "\u201c",
        "\u2019",
        "`",
        "\uff02",
        "\N{COMBINING GRAPHEME JOINER}",
        "\N{HANGUL FILLER}",
        "\N{VARIATION SELECTOR-16}",
    ],
)
def test_a_formula_behind_quotes_or_characters_that_show_nothing_is_neutralised(front: str) -> None:
    assert _cell(f"{front}=1") == f"'{front}=1"
    assert _cell(f"x;{front}=1") == f"x;'{front}=1"


@pytest.mark.parametrize(
    "front", ["\ufeff", "\u200b", "\u2060", "\xa0", "\u3000", "\t", "\r", "\n", "\x00", "\u2028", "\xad"]
)
def test_no_invisible_character_stands_in_front_of_a_formula(front: str) -> None:
    escape = front.encode("unicode_escape").decode()
    assert _cell(f"{front}=1") == f"{escape}=1"
    assert _cell(f"x{front}=1") == f"x{escape}=1"


def test_every_cell_is_quoted_and_numbers_stay_numbers() -> None:
    line = csv_line([1, -2, -0.5, None, "a", "-5", True, float("-inf")])
    assert line == '"1","-2","-0.5","","a","\'-5","True","\'-inf"\n'


def test_an_honest_cell_is_written_as_it_is() -> None:
    honest = ["{urn:acme}Get-Order+1@x=y", "a - b", "a; b, c | d", "2026-06-01T12:00:00Z", "100 %", "O'Neill", "größe"]
    assert next(csv.reader([csv_line(honest)])) == honest


@pytest.mark.parametrize("hostile", ["x" * 32_767 + "=cmd()", ";=" * 20_000, '"' * 40_000])
def test_what_a_spreadsheet_would_continue_in_another_cell_is_cut_off(hostile: str) -> None:
    # Excel begins another cell with the 32,768th character.
    assert len(csv_line([hostile])) < 32_767
    line = csv_line([hostile, 5, "short", hostile, None])
    assert len(line) < 32_767
    assert '"5","short",' in line


def test_the_json_of_the_usage(busy: Scene) -> None:
    found: dict[str, Any] = json.loads(
        json.dumps(usage_json(usage_report(busy.engine, now=busy.now, endpoint="orders")))
    )
    assert found["schema"] == "wssgate.usage/1"
    assert (found["generated"], found["since"], found["endpoint"]) == ("2026-06-01T13:05:00Z", None, "orders")
    last_signed = found["rows"][1].pop("last_signed")
    assert last_signed is None
    assert found["rows"][1] == {
        "server": None,
        "role": "needed",
        "outcome": "accepted",
        "endpoint": "orders",
        "operation": GET,
        "alias": "acme-2024",
        "key_id": OLD.key_id,
        "thumbprint": OLD.thumbprint,
        "messages": 3,
        "share": 0.6,
        "first_seen": "2026-06-01T12:00:00Z",
        "last_seen": "2026-06-01T12:02:00Z",
    }
    assert [row["alias"] for row in found["recognised"]] == ["acme-2024"]
    assert [(row["reason"], row["messages"], row["released"]) for row in found["rejections"]] == [
        ("unsigned", 2, 2),
        ("retired-key", 1, 0),
    ]


def test_the_json_of_the_rejections(busy: Scene) -> None:
    found: Any = rejections_json(rejection_report(busy.engine, now=busy.now))
    assert (found["schema"], found["messages"], found["released"]) == ("wssgate.rejections/1", 3, 2)
    assert found["rows"][0]["operation"] == EVIL, "programs get what was sent"


def test_the_json_of_the_cutover(busy: Scene) -> None:
    found: Any = json.loads(json.dumps(cutover_json(busy.report())))
    assert (found["schema"], found["keystore_revision"]) == ("wssgate.cutover/1", 7)
    assert found["roll_ups"] == {"from": "2026-06-01T12:00:00Z", "until": "2026-06-01T12:07:00Z"}
    assert found["heads"] == []
    (endpoint,) = found["endpoints"]
    assert endpoint["newest"] == {
        "alias": "acme-2026",
        "key_id": NEW.key_id,
        "thumbprint": NEW.thumbprint,
        "state": "trusted",
        "not_before": "2026-05-22T12:00:00Z",
    }
    assert (endpoint["switched"], endpoint["switched_since"]) == (False, None)
    assert PLACE in endpoint["laggards"]
    cells = {cell["operation"]: cell for cell in endpoint["cells"]}
    assert {operation: cell["state"] for operation, cell in cells.items()} == {
        EVIL: "old-only",
        GET: "mixed",
        PLACE: "old-only",
        "{urn:other}GetOrder": "pending",
    }
    assert cells[GET]["last_old"] == "2026-06-01T12:07:00Z"
    pending = cells["{urn:other}GetOrder"]
    assert (pending["messages_since"], pending["messages_needed"], pending["server"]) == (1, 16, "")
    assert (pending["quiet_seconds"], pending["quiet_needed_seconds"], pending["share_missed"]) == (0, 3600, 0.99)
    assert (cells[PLACE]["quiet_seconds"], cells[PLACE]["share_missed"]) == (None, None)
    assert endpoint["criteria"] == {"fewest_messages": 16, "smallest_share": 0.5, "quiet_seconds": 3600}
    assert (endpoint["declared"], endpoint["undeclared"], endpoint["rivals"]) == (True, False, [])
    assert {"operation": PLACE, "server": ""} in endpoint["lagging_cells"]
    assert [(key["alias"], key["role"], key["accepted"], key["rejected"]) for key in cells[GET]["keys"]] == [
        ("acme-2024", "old", 3, 1),
        ("acme-2026", "new", 2, 0),
    ]


def test_a_namespace_is_shown_where_it_tells_operations_apart() -> None:
    names = OperationNames([GET, PLACE, "{urn:other}GetOrder", None, "NoNamespace", "{urn:x}"])
    assert names.short(GET) == GET
    assert names.short(PLACE) == "PlaceOrder"
    assert names.short("NoNamespace") == "NoNamespace"
    assert names.short(None) == "(no operation)"
    assert names.short("{urn:x}") == "{urn:x}"


def test_shares_never_round_to_all_or_nothing() -> None:
    assert share_text(1.0) == "████ 100 %"
    assert share_text(0.9999) == "████ >99 %"
    assert share_text(0.0001) == "▏     <1 %"
    assert share_text(0.0) == "       0 %"
    assert share_text(0.5) == "██    50 %"


def test_ages_and_counts() -> None:
    ages = [age_text(at(0), at(0) + age * DAY) for age in (0, 1 / 86400, 1 / 1440, 0.5, 1, 400, -1)]
    assert ages == ["now", "1 s", "1 min", "12 h", "1 d", "400 d", "ahead"]
    assert [count_text(n, "message") for n in (0, 1, 1234)] == ["0 messages", "1 message", "1,234 messages"]


def _wanted(*terms: str, names: Any = USAGE_NAMES) -> Any:
    return {"wanted": parse_filter(terms, at(65), names=names), "only": " ".join(terms)}


@pytest.mark.parametrize(
    ("terms", "messages"),
    [
        (("key:acme-2024",), 6),
        ((f"key:{NEW.thumbprint}", "op:GetOrder"), 3),
        (("key:acme-2024", "key:acme-2026", "op:{urn:other}GetOrder"), 1),
        ((f"key:{OLD.key_id}", "endpoint:invoices"), 1),
        (("endpoint:invoices", "endpoint:orders"), 9),
        (("op:PlaceOrder",), 1),
        (("server:a",), 0),
    ],
)
def test_usage_of_some_keys_and_operations(busy: Scene, terms: tuple[str, ...], messages: int) -> None:
    report = usage_report(busy.engine, now=busy.now, **_wanted(*terms))
    assert sum(row.messages for row in report.rows) == messages
    shown, told = _shown(usage_table(report)), usage_json(report)
    assert f"only {' '.join(terms)}" in " ".join(shown.split())
    assert told["filter"] == " ".join(terms)
    by_key = any(term.startswith(("key:", "server:")) for term in terms)
    assert (report.rejections is None, told["rejections"] is None, "Rejected" not in shown) == (by_key,) * 3


def test_rejections_of_some_reasons_and_operations(busy: Scene) -> None:
    def found(*terms: str, limit: int | None = None) -> Any:
        wanted = _wanted(*terms, names=REJECTION_NAMES)
        return rejection_report(busy.engine, now=busy.now, limit=limit, **wanted)

    everything = rejection_report(busy.engine, now=busy.now)
    reason = everything.rows[0].reason
    all_of_it = found(f"reason:{reason}", "endpoint:orders")
    assert (all_of_it.messages, all_of_it.released, all_of_it.endpoint) == (2, 2, "orders")
    assert found("op:GetOrder").messages == 1
    assert found("op:nothing").messages == 0
    assert found("reason:timestamp-missing").rows == ()
    some = found("endpoint:orders", limit=1)
    assert (len(some.rows), some.more, some.messages) == (1, 1, 3)
    assert rejections_json(some)["filter"] == "endpoint:orders"
    assert "only endpoint:orders" in _shown(rejections_table(some))
    assert rejections_json(everything)["filter"] is None


def test_rows_that_are_left_out_are_counted(busy: Scene) -> None:
    report = rejection_report(busy.engine, now=busy.now, limit=1)
    assert "... and 1 row more: wssgate report rejections --limit 0" in _shown(rejections_table(report))
    found = rejections_json(report)
    assert (len(report.rows), found["more"], found["messages"], found["released"]) == (1, 1, 3, 2)
    assert "more:" not in _shown(rejections_table(rejection_report(busy.engine, now=busy.now)))


def test_what_could_not_be_recorded_is_counted_and_what_may_have_come_is_not(scene: Scene, tmp_path: Path) -> None:
    scene.accept(1, by=[NEW])
    scene.leave(tmp_path / "ends", by=[OLD])
    assert [(row.alias, row.messages) for row in usage_report(scene.engine, now=scene.now).rows] == [("acme-2026", 1)]
    assert usage_report(scene.engine, now=scene.now).recognised == ()
    scene.lose(by=[OLD])
    scene.accept(2, by=[NEW])
    (row,) = usage_report(scene.engine, now=scene.now).recognised
    assert (row.alias, row.messages) == ("acme-2024", 1)
