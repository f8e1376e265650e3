"""The screen of a renewal, at 80 and at 200 columns: read by a person, and kept as it was read.

`TESTING_WRITE_SCREENS=1 pytest ...` writes them anew; read them before you commit them.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from gateway.renewal import Closure, RenewalStatus, renewal_screen, renewal_status_json, waiting_line
from tests.gateway.renewal.progress.renewal_scene import (
    DAY,
    DELIVERY,
    GET,
    HOUR,
    NEW,
    OLD,
    PLACE,
    RenewalScene,
    renewal_of,
)
from tests.gateway.report.scene import RENEWED

SCREENS = Path(__file__).parent / "screens"


def printed(status: RenewalStatus, width: int) -> str:
    console = Console(width=width, highlight=False, markup=False, force_terminal=False)
    with console.capture() as captured:
        console.print(renewal_screen(status))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    # Keys are made anew for each run.
    return re.sub(r"\b[0-9a-f]{64}\b", "f" * 64, "\n".join(lines)) + "\n"


def begun(scene: RenewalScene) -> None:
    """Staged, nobody has called yet."""
    scene.messages(4, OLD, operations=(GET, PLACE), server="a")
    scene.stage()
    scene.renewal = replace(
        scene.renewal,
        announced=scene.now + 3 * DAY,
        announced_text="2026-06-04T14:40:00+02:00",
        contacts=("Rita <rita@acme.example>",),
    )


def lagging(scene: RenewalScene) -> None:
    """One server lags behind, and for some hours nobody watched."""
    scene.messages(4, OLD, operations=(GET, PLACE), server="a")
    scene.messages(4, OLD, server="b")
    scene.stage()
    scene.confirm(2, fingerprint=NEW.thumbprint)
    scene.trust()
    scene.load()
    scene.confirm(4)
    scene.messages(20, NEW, operations=(GET, PLACE), server="a")
    scene.messages(3, OLD, server="b")
    scene.wait(2 * HOUR + timedelta(minutes=30), watched=False)
    scene.wait(HOUR)


def passing(scene: RenewalScene) -> None:
    """Everything has switched; the guaranteed delivery time passes."""
    lagging(scene)
    scene.messages(120, NEW, server="b")
    scene.confirm(6, note="deleted from the HSM")


def relapsed(scene: RenewalScene) -> None:
    """A restored backup brought the old key back."""
    passing(scene)
    scene.wait(HOUR)
    scene.messages(2, OLD, server="b")


def silent(scene: RenewalScene) -> None:
    """An operation that nobody calls."""
    scene.messages(1, OLD, operations=(PLACE,))
    scene.renewal = replace(scene.renewal, started_at=scene.now + timedelta(minutes=1))
    scene.messages(2, OLD)
    scene.stage()
    scene.trust()
    scene.messages(20, NEW)
    scene.wait(DAY)


def finished(scene: RenewalScene) -> None:
    """Signed off."""
    passing(scene)
    scene.wait(DELIVERY)
    scene.retire()
    scene.end(Closure.FINISHED)


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("course", [begun, lagging, passing, relapsed, silent, finished], ids=lambda c: c.__name__)
def test_the_screen(renewing: RenewalScene, course: Callable[[RenewalScene], None], width: int) -> None:
    course(renewing)
    shown = printed(renewing.status(), width)
    assert max(map(len, shown.splitlines())) <= width
    path = SCREENS / f"{getattr(course, '__name__', '')}_{width}.txt"
    if os.environ.get("TESTING_WRITE_SCREENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


def test_the_line_of_a_list(renewing: RenewalScene) -> None:
    lagging(renewing)
    status = renewing.status()
    assert waiting_line(status) == (
        "waiting for the receiver administrator, to sign with the new key: GetOrder at b since 2026-06-01 13:20:00"
    )
    renewing.messages(120, NEW, server="b")
    assert "; next possible 2026-06-03 " in waiting_line(renewing.status())
    renewing.wait(DELIVERY)
    assert waiting_line(renewing.status()).endswith("; next possible now: retire acme-2024")
    renewing.end(Closure.ABANDONED)
    assert waiting_line(renewing.status()) == ""


def test_nothing_of_a_message_reaches_the_terminal_as_control(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD, operations=("{urn:x}\x1b[2JOrder[red]\n",), server="\x1b[31mb")
    shown = printed(renewing.status(), 80)
    assert "\x1b" not in shown
    assert "\\x1b[2JOrder[red]" in shown


def test_programs_get_all_of_it(renewing: RenewalScene) -> None:
    relapsed(renewing)
    status = renewing.status()
    told = renewal_status_json(status)
    assert (told["schema"], told["renewal"]["name"]) == ("wssgate.renewal-status/1", "acme")
    assert [step["mark"] for step in told["steps"]] == [str(step.mark) for step in status.steps]
    assert [len(told[name]) for name in ("coverage", "watched", "relapses")] == [3, 1, 1]
    assert told["blockers"][0]["endpoint"] == "orders"
    assert told["watched"][0]["gaps"]
    assert told["relapses"][0]["messages"] == 2
    assert told["next_possible"] is None


def test_each_kind_of_renewal_says_what_it_is(renewing: RenewalScene) -> None:
    assert "  no message is on record, and silence is no evidence\n" in printed(renewing.status(), 80)
    renewing.renewal = renewal_of(new=RENEWED, downtime=True, compromised=True, endpoints=("invoices", "orders"))
    renewing.stage(RENEWED)
    renewing.confirm(2)
    renewing.trust("acme-2025")
    renewing.load()
    renewing.confirm(4)
    renewing.messages(1, OLD)
    renewing.messages(1, OLD, endpoint="invoices")
    renewing.waive(GET)
    renewing.renewal = replace(renewing.renewal, announced=renewing.now - HOUR)
    shown = printed(renewing.status(), 200)
    assert "at invoices, orders (same key; at a downtime; emergency: the old key is compromised)" in shown
    assert "\nannounced for 2026-06-01 11:20:00, 1 h ago\n" in shown
    assert "next possible  now: retire acme-2024\n" in shown
    assert "\n  endpoint invoices\n" in shown
    assert "waived by Rita" in shown


def test_over_the_same_key_the_screen_shows_nothing_to_switch(renewing: RenewalScene) -> None:
    renewing.renewal = renewal_of(new=RENEWED)
    renewing.stage(RENEWED)
    renewing.messages(2, OLD)
    shown = {width: " ".join(printed(renewing.status(), width).split()) for width in (40, 200)}
    assert "GetOrder: same-key old key -; new key 2, last 2026-06-01 12:20:00; switched: nothing to switch" in shown[40]
    assert "GetOrder same-key - - 2 2026-06-01 12:20:00 nothing to switch" in shown[200]


def test_what_waits_since_nobody_knows_when_is_shown_without(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD)
    renewing.stage()
    renewing.trust()
    renewing.load()
    renewing.confirm(2)
    renewing.confirm(4)
    renewing.waive(GET)
    renewing.retire(force=True)
    shown = printed(renewing.status(), 80)
    assert "waiting for  the receiver administrator, to say that the old key is removed\nrun " in shown


def test_a_renewal_that_has_just_begun_has_no_share_of_its_time(renewing: RenewalScene) -> None:
    renewing.wait(timedelta(minutes=1))
    assert "orders: the renewal has only just begun\n" in printed(renewing.status(), 80)


def test_what_is_missing_of_a_switch(renewing: RenewalScene) -> None:
    renewing.messages(2, OLD)
    renewing.stage()
    renewing.trust()
    renewing.messages(18, NEW, every=timedelta(minutes=1))
    assert "not for long enough" in printed(renewing.status(), 80)
    renewing.messages(1, OLD, reason="timestamp-stale")
    assert "old key 2 (and 1 rejected)" in printed(renewing.status(), 80)


def test_gaps_are_named_the_longest_first(renewing: RenewalScene) -> None:
    renewing.wait(20 * DAY)
    for length in (1, 3, 2, 4, 5):
        renewing.watcher.sleep(length * HOUR)
        renewing.watcher.beat()
        renewing.wait(HOUR)
    shown = " ".join(printed(renewing.status(), 80).split())
    assert shown.endswith(
        "orders: 97 % of the time since the start; not watched 2026-06-21 14:00 to 17:00, 2026-06-21 21:00 to "
        "2026-06-22 01:00, 2026-06-22 02:00 to 07:00 and 2 shorter gaps"
    )


def test_a_share_is_never_rounded_up_to_all(renewing: RenewalScene) -> None:
    renewing.wait(20 * DAY)
    renewing.watcher.sleep(HOUR)
    renewing.watcher.beat()
    assert "orders: >99 % of the time" in printed(renewing.status(), 80)
