"""The message to the receiver administrator: as plain text, as Markdown, and as a draft of a mail.

The texts are templates (`notice-2.txt`, ...), of which a site can have its own. They run in Jinja2's sandbox and see
texts, numbers and lists of these, no object of this program. The first line is the subject.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.present import OperationNames, count_text, duration_text, markdown_text, plain
from gateway.renewal.plan import PlannedCertificate, Renewal, RenewalError
from gateway.renewal.progress import CoverageState, CoveredCell, RenewalStatus

if TYPE_CHECKING:
    from email.headerregistry import Address

    from jinja2 import BaseLoader

NOTICE_STEPS: Final = (2, 4, 7, 8)
"""The steps at which there is something to write."""
_SUBJECT: Final = "Subject: "
_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n){2,}")
_ONE_BLANK_LINE: Final = "\n\n"


class TemplateRefused(RenewalError):  # noqa: N818 - this is an answer to a person
    """A template of the site's own does not work; the text says which, and where."""


@dataclass(frozen=True, slots=True)
class WrittenNotice:
    """One notice."""

    step: int
    subject: str
    text: str
    """Plain text, without the subject; lines end in a line feed."""
    markdown: str
    recipients: tuple[str, ...]
    """`NAME <ADDRESS>`, as they were given."""


def write_notice(
    step: int, status: RenewalStatus, who: str, at: datetime, *, templates: Path | None = None
) -> WrittenNotice:
    """Write the notice of a step.

    Args:
        step: One of `NOTICE_STEPS`.
        status: The renewal, and where it stands.
        who: Who writes it.
        at: Now.
        templates: A folder with templates of the site's own.

    Raises:
        ValueError: There is nothing to write at this step.
        TemplateRefused: A template of the site's own cannot be read or does not work.
    """
    if step not in NOTICE_STEPS:
        raise ValueError(f"there is no notice of step {step}")
    subject, text = _rendered(step, _content(status, who, at, is_markdown=False), templates)
    _, markdown = _rendered(step, _marked_down(_content(status, who, at, is_markdown=True)), templates)
    return WrittenNotice(step, subject, text, f"# {markdown_text(subject)}\n\n{markdown}", status.renewal.contacts)


def notice_mail(notice: WrittenNotice, at: datetime) -> bytes:
    """The notice as a draft that a mail program opens (RFC 5322).

    What of the contacts is no address is left out: the draft has to be addressed by hand then.
    """
    from email.message import EmailMessage  # half of the email package, for this alone
    from email.policy import SMTP

    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = notice.subject
    addresses = [found for found in map(_address, notice.recipients) if found is not None]
    if addresses:
        mail["To"] = addresses
    mail["Date"] = at.astimezone(UTC)
    mail["X-Unsent"] = "1"  # opened as a draft, and not as a message that came
    mail.set_content(notice.text)
    return mail.as_bytes()


def _address(contact: str) -> "Address | None":
    from email.headerregistry import Address
    from email.utils import parseaddr

    name, address = parseaddr(plain(contact))
    try:
        found = Address(name, addr_spec=address)
    except (ValueError, IndexError):
        return None
    return found if found.username and found.domain else None


def _content(status: RenewalStatus, who: str, at: datetime, *, is_markdown: bool) -> dict[str, Any]:
    """What a template sees."""
    renewal = status.renewal
    names = OperationNames(cell.operation for cell in status.coverage)
    several, held = len(renewal.endpoints) > 1, [cell for cell in status.coverage if cell.holds_up]
    code = "`{}`" if is_markdown else "{}"
    retired = next((step.at for step in status.steps if step.number == 8 and step.mark.is_settled), None)
    return {
        "name": plain(renewal.name),
        "who": plain(who),
        "now": _instant(at),
        "endpoints": [plain(endpoint) for endpoint in renewal.endpoints],
        "old": [_certificate(old, code) for old in renewal.old],
        "new": _certificate(renewal.new, code),
        "same_key": renewal.has_same_key,
        "downtime": renewal.downtime,
        "compromised": renewal.compromised,
        "announced": _announced(renewal),
        "cells": [_cell(cell, names, several=several) for cell in status.coverage],
        "laggards": [_cell(cell, names, several=several) for cell in held if not cell.has_moved],
        "uncertain": [_cell(cell, names, several=several) for cell in held if cell.has_moved],
        "judged_at": _instant(status.judged_at),
        "watched": [
            {
                "endpoint": plain(one.endpoint),
                "percent": int(one.share * 100),
                "gaps": len(one.gaps),
                "guaranteed_delivery_time": duration_text(one.guaranteed_delivery_time),
            }
            for one in status.watched
        ],
        "next_possible": _instant_or_nothing(status.next_possible),
        "retired_at": _instant_or_nothing(retired),
        "is_switched": status.is_switched,
        "may_retire": status.may_retire,
    }


def _marked_down(value: Any) -> Any:
    """All texts in it with nothing that Markdown would read, but for those that are set as code."""
    if isinstance(value, str):
        return value if value.startswith("`") else markdown_text(value)
    if isinstance(value, Mapping):
        return {name: _marked_down(one) for name, one in value.items()}
    return [_marked_down(one) for one in value] if isinstance(value, list) else value


def _certificate(certificate: PlannedCertificate, code: str) -> Mapping[str, str]:
    """A certificate as two people compare it over the phone."""
    return {
        "alias": plain(certificate.alias),
        "subject": plain(certificate.subject),
        "issuer": plain(certificate.issuer),
        "serial": code.format(_pairs(certificate.serial)),
        "fingerprint": code.format(_pairs(str(certificate.thumbprint))),
        "not_before": _instant(certificate.not_before),
        "not_after": _instant(certificate.not_after),
    }


def _cell(cell: CoveredCell, names: OperationNames, *, several: bool) -> Mapping[str, Any]:
    return {
        "endpoint": plain(cell.endpoint),
        "operation": names.short(cell.operation),
        "server": plain(cell.server),
        "where": " ".join(
            filter(None, [plain(cell.endpoint) if several else "", names.short(cell.operation), _at(cell.server)])
        ),
        "state": str(cell.state),
        "told": _told(cell),
        "old_messages": cell.old_messages + cell.old_rejected,
        "new_messages": cell.new_messages + cell.new_rejected,
        "last_old": _instant_or_nothing(cell.last_old),
        "first_new": _instant_or_nothing(cell.first_new),
        "last_new": _instant_or_nothing(cell.last_new),
    }


def _told(cell: CoveredCell) -> str:
    """What of a cell is of use to whoever signs."""
    old = count_text(cell.old_messages + cell.old_rejected, "message")
    new = count_text(cell.new_messages + cell.new_rejected, "message")
    last_old, last = _instant_or_nothing(cell.last_old), _instant_or_nothing(cell.last_traffic)
    since_new = _instant_or_nothing(cell.first_new)
    match cell.state:
        case CoverageState.ONLY_OLD:
            return f"only the old key: {old}, the last one at {last_old or last}"
        case CoverageState.ONLY_NEW:
            return f"only the new key now: {new}, the first one at {since_new}"
        case CoverageState.BOTH:
            return f"both keys: {old} with the old one, the last at {last_old or last}; {new} with the new one"
        case CoverageState.SILENT:
            return f"no message since the renewal began, the last one came at {last}"
        case CoverageState.WAIVED:
            return "it need not switch, as was agreed"
        case CoverageState.SAME_KEY:
            return f"the key is the same: {new}, the last one at {last}"
        case CoverageState.OTHER:
            return "signed with neither of the two keys"
        case _:
            return "no message ever came"


def _at(server: str) -> str:
    return f"at {plain(server)}" if server else ""


def _announced(renewal: Renewal) -> str:
    if renewal.announced is None:
        return ""
    said = f", that is {plain(renewal.announced_text)}" if renewal.announced_text else ""
    return f"{_instant(renewal.announced)}{said}"


def _pairs(digits: str) -> str:
    """Hexadecimal digits in pairs, as programs for certificates show them."""
    return ":".join(digits[n : n + 2] for n in range(0, len(digits), 2)).upper()


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _instant_or_nothing(instant: datetime | None) -> str:
    return "" if instant is None else _instant(instant)


def _rendered(step: int, content: Mapping[str, Any], templates: Path | None) -> tuple[str, str]:
    """The subject and the text."""
    from jinja2 import StrictUndefined, TemplateError  # a quarter of a second, and few commands need it
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=_loader(templates),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    name = f"notice-{step}.txt"
    try:
        rendered = environment.get_template(name).render(content)
    except (TemplateError, OSError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        place = f", line {error.lineno}" if hasattr(error, "lineno") else ""
        raise TemplateRefused(
            f"the template {name} of {templates or 'this program'} does not work{place}: {plain(str(error))}; mend it, "
            "or take it away, and the one that comes along is used."
        ) from error
    first, _, rest = rendered.lstrip("\n").partition("\n")
    if not first.startswith(_SUBJECT) or not first.removeprefix(_SUBJECT).strip():
        raise TemplateRefused(
            f"the template {name} of {templates or 'this program'} does not begin with a line {_SUBJECT}..."
        )
    return plain(first.removeprefix(_SUBJECT).strip()), f"{_BLANK_LINES.sub(_ONE_BLANK_LINE, rest).strip()}\n"


def _loader(templates: Path | None) -> "BaseLoader":
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader

    ours = PackageLoader("gateway.renewal.notices", "templates")
    if templates is None:
        return ours
    if not templates.is_dir():
        raise TemplateRefused(f"the folder of renewal_templates is not there: {templates}.")
    loaders: Sequence[BaseLoader] = [FileSystemLoader(templates), ours]
    return ChoiceLoader(loaders)
