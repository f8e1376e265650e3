"""Documents that somebody changed who knows how they are checked: all their figures come out."""

import io
import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from gateway.renewal import Signoff, evidence_bundle, record_sign_off, verify_signoff, waive_cell
from gateway.renewal.signoff import CheckedDocument, FigureState
from gateway.renewal.signoff.answers import LedgerSource
from gateway.renewal.signoff.figures import canonical, read_document, read_figures, read_window
from tests.gateway.renewal.signoff.signoff_scene import (
    GET,
    NAME,
    NEW_MESSAGE,
    OLD_MESSAGE,
    PLACE,
    SignoffScene,
)

Content = dict[str, Any]
SINCE: Final = "orders/acme-2024/since/"


def play_two_endpoints(scene: SignoffScene) -> None:
    """Messages at two endpoints, some with the old key, of which one is rejected; a waiver."""
    # The first with its signature: a repetition that is rejected is no use of the key.
    scene.messages((OLD_MESSAGE, PLACE, "app-1"), outcome="rejected", reason="stale", released=False)
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.messages((OLD_MESSAGE, GET, "app-1"), endpoint="invoices")
    scene.start(endpoints=("invoices", "orders"))
    scene.decide()
    place = {"endpoint": "orders", "operation": PLACE, "by": "Olga Owner", "reason": "once a year"}
    waive_cell(scene.engine, NAME, scene.author, **place)
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"))


def copy_of(signoff: Signoff) -> Content:
    """A sign-off that can be changed."""
    content: Content = json.loads(signoff.text)
    return content


def figure(content: Content, name: str) -> Any:
    """The figure of that name."""
    (found,) = [one for one in content["figures"] if one["name"] == name]
    return found


def questions(content: Content, start: str = "") -> Iterable[Any]:
    """The questions of the figures whose name begins so."""
    return [one["question"] for one in content["figures"] if one["name"].startswith(start)]


def without(content: Content, *starts: str) -> None:
    """Leave figures out whose names begin so."""
    content["figures"] = [one for one in content["figures"] if not one["name"].startswith(starts)]


def answered(scene: SignoffScene, content: Content) -> Content:
    """The same with the value of each figure as it comes out of its question."""
    text = canonical(content).encode()
    read = read_document(text, [content["schema"]])
    figures = read_figures(read)
    answers = LedgerSource(scene.engine, read_window(read)).answers([one.question for one in figures])
    for one, answer in zip(content["figures"], answers, strict=True):
        assert not answer.unknown
        one["value"] = answer.value
    return content


def checked_as_recorded(scene: SignoffScene, content: Content) -> CheckedDocument:
    """By the database, in which it was recorded that this sign-off was made."""
    text = canonical(content).encode()
    record_sign_off(scene.engine, NAME, text, content["schema"], scene.author)
    return verify_signoff(text, scene.engine)


def whole_bundle(scene: SignoffScene, signoff: Signoff) -> io.BytesIO:
    """With every record of its window."""
    stream = io.BytesIO()
    _, is_whole = evidence_bundle(scene.engine, signoff, stream)
    assert is_whole
    return stream


def comes_out(report: CheckedDocument) -> bool:
    """Whether no figure differs, and at least one could be told."""
    states = {one.state for one in report.figures}
    return FigureState.DIFFERS not in states and FigureState.HOLDS in states


Forgery = Callable[[Content], None]
