"""Whom an endpoint trusts, as `wssgate status` shows it: what is trusted and would verify, and what would not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.cli.expiry import expiry_word
from gateway.config import EndpointSettings
from gateway.present import day_text, instant_json, instant_text
from gateway.verify import Reason, refusal_of
from gateway.vocabulary import Mode
from keystore import State, TrustedCertificate, TrustSnapshot


@dataclass(frozen=True, slots=True)
class EndpointTrust:
    """The entries that are meant for one endpoint, as they are at an instant."""

    settings: EndpointSettings
    at: datetime
    trusted: tuple[tuple[TrustedCertificate, Reason | None], ...]
    """Those of the state `trusted`, each with why the policy does not admit what it signs; None where it does."""
    staged: tuple[TrustedCertificate, ...]
    compromised: tuple[TrustedCertificate, ...]
    """Those that were revoked, or hold a key that was, of whatever state."""

    @classmethod
    def of(cls, settings: EndpointSettings, snapshot: TrustSnapshot, at: datetime) -> "EndpointTrust":
        """What `snapshot` holds for the endpoint at `at`."""
        meant = snapshot.for_endpoint(settings.name)
        in_state: dict[State, list[TrustedCertificate]] = {}
        for entry in meant.entries:
            in_state.setdefault(entry.state_at(at), []).append(entry)
        return cls(
            settings=settings,
            at=at,
            trusted=tuple(
                (entry, refusal_of(entry, meant, settings.policy, at)) for entry in in_state.get(State.TRUSTED, ())
            ),
            staged=tuple(in_state.get(State.STAGED, ())),
            compromised=tuple(entry for entry in meant.entries if entry.key_id in meant.compromised),
        )

    @property
    def verifies(self) -> bool:
        """Whether any entry is trusted that would verify a message."""
        return any(reason is None for _, reason in self.trusted)

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people, each with its style."""
        if not self.verifies:
            add = f"wssgate keystore add ALIAS FILE -e {self.settings.name}"
            yield f"  trusts nobody: {self._fate_of_all}; {add}", "red"
        for entry, reason in self.trusted:
            if reason is None:
                yield _trusts(entry, self.at), ""
        for entry, reason in self.trusted:
            if reason is not None and entry not in self.compromised:
                yield f"  {self._why_not(entry, reason)}", "yellow"
        for entry in self.compromised:
            yield f"  compromised {entry.alias}: its key is in wrong hands; {self._fate}", "red"
        for entry in self.staged:
            if entry not in self.compromised:
                yield f"  staged {entry.alias}: known, not trusted yet", ""

    @property
    def _fate(self) -> str:
        """What becomes of a message that such a key signed."""
        if self.settings.mode is Mode.ENFORCE:
            return "what it signs is rejected"
        return "what it signs is delivered all the same, in mode observe"

    @property
    def _fate_of_all(self) -> str:
        if self.settings.mode is Mode.ENFORCE:
            return "every response is rejected"
        return "every response is delivered unverified, in mode observe"

    def _why_not(self, entry: TrustedCertificate, reason: Reason) -> str:
        if reason is Reason.WEAK_KEY:
            return f"too weak {entry.alias}: the policy does not admit its key; {self._fate}"
        if self.at < entry.not_before:
            begin = instant_text(entry.not_before)
            return f"not valid yet {entry.alias}: it is trusted, and valid only from {begin} on; {self._fate}"
        return f"expired {entry.alias}: it was valid until {instant_text(entry.not_after)}; {self._fate}"


def _trusts(entry: TrustedCertificate, at: datetime) -> str:
    text = f"  trusts {entry.alias}, valid until {day_text(entry.not_after)}"
    word = expiry_word(entry.not_after, at)
    return f"{text}: {word}" if word else text


def trust_json(trust: EndpointTrust) -> dict[str, object]:
    """The same for programs."""
    return {
        "trusted": [
            _entry(entry) | {"refused": None if reason is None else str(reason)} for entry, reason in trust.trusted
        ],
        "staged": _entries(trust.staged),
        "compromised": _entries(trust.compromised),
        "verifies": trust.verifies,
    }


def _entries(entries: Sequence[TrustedCertificate]) -> list[dict[str, object]]:
    return [_entry(entry) for entry in entries]


def _entry(entry: TrustedCertificate) -> dict[str, object]:
    return {"alias": str(entry.alias), "thumbprint": str(entry.thumbprint), "not_after": instant_json(entry.not_after)}
