"""`wssgate renewal rehearse`: what the receiver signs with its new key is tried before it is sent in earnest."""

import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.attachments import open_body
from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.key_files import STANDARD_INPUT
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.renewal.renewal_options import WhoOption, author_of, print_renewal_json
from gateway.cli.terminal import plain, say, warn
from gateway.cli.verification_options import ContentTypeOption
from gateway.cli.workplace import Workplace, open_workplace
from gateway.renewal import Renewal, read_renewals, record_rehearsal
from gateway.replay import CaptureUnreadable, read_response
from gateway.verify import Policy, Verdict, Verifier
from keystore import State, TrustSnapshot

EPILOG = epilog("a sample would be rejected, or is not signed with the new key")

_ROOM = 1024 * 1024
"""What a file may be larger than the message in it: headers, and the framing of chunks."""


def command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Samples: a SOAP message each, or a complete HTTP response; - is standard input."
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option("--renewal", metavar="NAME", help="Which renewal; may be left out while only one is open."),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", "-e", metavar="NAME", help="For which endpoint, where the renewal has several."),
    ] = None,
    content_type: ContentTypeOption = None,
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Verify samples that the receiver signed with its new key, as if that were trusted already.

    Each is verified now, under the endpoint's own policy and with its other certificates as they are: accepted, or what
    would go wrong on the night. Ask the receiver administrator for a fresh response, signed on a test system with the
    new key. The outcome is recorded as evidence of step 2.
    """
    author = author_of(who)
    unreadable = failed = 0
    with open_workplace(config) as workplace:
        renewal = read_renewals(workplace.engine).named(name)
        rehearsal = _Rehearsal.of(workplace, renewal, endpoint)
        for file in files:
            try:
                data = _read(file, rehearsal.policy.max_message_bytes + _ROOM)
                response = read_response(data, rehearsal.policy.max_message_bytes)
            except (OSError, CaptureUnreadable) as error:
                unreadable += 1
                warn(f"{file}: {getattr(error, 'strerror', None) or error}")
                continue
            tried = rehearsal.verify(response.body, response.content_type or content_type, now())
            failed += not tried.accepted
            renewal = record_rehearsal(
                workplace.engine,
                renewal.name,
                author,
                endpoint=rehearsal.endpoint,
                file=Path(file).name,
                sample=data,
                accepted=tried.accepted,
                reason=tried.reason,
                sentence=tried.sentence,
            )
            if not as_json:
                say(f"{plain(file)}: {tried.headline}", style="green" if tried.accepted else "bold red")
                say(f"  {plain(tried.sentence)}")
    if as_json:
        print_renewal_json(renewal)
    raise typer.Exit(ExitCode.ENVIRONMENT if unreadable else ExitCode.FINDINGS if failed else ExitCode.DONE)


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of one sample."""

    accepted: bool
    """It would pass, and by the new certificate's key."""
    reason: str
    headline: str
    sentence: str


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    """Under what samples are verified."""

    renewal: Renewal
    endpoint: str
    policy: Policy
    trust: TrustSnapshot
    """As it is, but for the new certificate: that is trusted."""
    present: TrustSnapshot
    """As it is."""

    @classmethod
    def of(cls, workplace: Workplace, renewal: Renewal, endpoint: str | None) -> "_Rehearsal":
        """What the keystore and the configuration say.

        Raises:
            WrongUse: It is not clear for which endpoint, or that is not configured.
            ChangeRefused: The new certificate is not there any more.
        """
        if endpoint is None and len(renewal.endpoints) > 1:
            raise WrongUse(f"Say for which endpoint: --endpoint with one of {', '.join(renewal.endpoints)}.")
        name = endpoint or renewal.endpoints[0]
        if name not in renewal.endpoints:
            known = ", ".join(renewal.endpoints)
            raise WrongUse(f"{renewal.name} is not about the endpoint {name!r}: it is about {known}.")
        settings = workplace.endpoint(name)
        present = workplace.keystore.snapshot()
        entries = present.entries
        if not any(
            entry.thumbprint == renewal.new.thumbprint and entry.state is not State.RETIRED for entry in entries
        ):
            raise ChangeRefused(f"{renewal.new.alias} is retired or gone: there is nothing to rehearse.")
        trusted = tuple(
            replace(entry, state=State.TRUSTED, trusted_from=None)
            if entry.thumbprint == renewal.new.thumbprint
            else entry
            for entry in entries
        )
        trust = TrustSnapshot(trusted, present.revision, present.compromised)
        return cls(renewal, name, settings.policy, trust.for_endpoint(name), present.for_endpoint(name))

    def verify(self, message: bytes, content_type: str | None, at: datetime) -> _Tried:
        """Verify one sample as on the night, and as it would end now."""
        opened = open_body(message, content_type, self.policy)
        verifier = Verifier(self.policy, fast_path=False)
        verdict = verifier.verify(
            opened.message, self.trust, at, content_type=opened.content_type, attachments=opened.attachments
        )
        new = self.renewal.new
        if not verdict.accepted:
            return _Tried(False, str(verdict.reason), f"would be rejected, {verdict.reason}", _what(verdict))
        if not any(entry.thumbprint == new.thumbprint for entry in verdict.verified_by):
            by = ", ".join(str(entry.alias) for entry in verdict.verified_by)
            sentence = f"the sample is signed with the key of {by}, so it says nothing of {new.alias}"
            return _Tried(False, "not-the-new-key", f"not signed with the key of {new.alias}", sentence)
        today = verifier.verify(
            opened.message, self.present, at, content_type=opened.content_type, attachments=opened.attachments
        )
        later = (
            "it passes today already"
            if today.accepted
            else f"today its key is not trusted yet, and it would fail ({today.reason})"
        )
        sentence = f"under the policy of {self.endpoint}; {later}"
        return _Tried(True, "", f"would be accepted, verified by {new.alias}", sentence)


def _what(verdict: Verdict) -> str:
    """Sentences, without the last full stop."""
    return f"{verdict.detail}. {verdict.advice}".removesuffix(".") if verdict.advice else verdict.detail


def _read(file: str, limit: int) -> bytes:
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read(limit + 1)
    with Path(file).open("rb") as stream:
        return stream.read(limit + 1)
