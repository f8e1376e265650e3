"""Applies the rules to a message and holds every mutant against what it must come to."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from lxml import etree

from fixtures.manifest import Case
from gateway.verify import Policy, Reason, Verdict, Verifier
from keystore import State
from tests.mutation.consumer import Strict, naive_element, naive_view, strict_view, textual_view
from tests.mutation.mutant import Fate, Mutant, Rule
from tests.mutation.rules import envelope, freshness, harmless, havoc, keys, parser, references, release, text, wrapping
from tests.mutation.source import Source

RULES: Final[tuple[Rule, ...]] = tuple(
    rule
    for room in (wrapping, envelope, references, text, keys, freshness, parser, release, harmless, havoc)
    for rule in room.RULES
)
_MOST_FINDINGS: Final = 20
_TEACHING: Final = 4
"""Times that a message is seen before all is known of it: its prefix, its operation, its tags."""
_LONGEST: Final = 1000
"""Characters of a sentence: it may hold two names of a certificate, escaped."""

_ANY: Final = frozenset({Reason.UNKNOWN_KEY})
"""Where any signature is enough, the reason may be that of the one which was never trusted."""


@dataclass
class Tally:
    """What was made of one message, or of many."""

    made: Counter[str] = field(default_factory=Counter)
    """Mutants by rule."""
    accepted: Counter[str] = field(default_factory=Counter)
    """Those that are accepted, and say what was signed."""
    witnessed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By witness, rule, and how the witness's word on a mutant compares with the verdict."""
    findings: list[str] = field(default_factory=list)
    """What must not be; empty, or the verifier has a flaw."""


def mutants(source: Source, rule: Rule, at_most: int | None = None) -> list[Mutant]:
    """The mutants of a rule; where there are more than `at_most` times its share, a sample that is always the same."""
    made = list(rule.generate(source))
    if at_most is not None and len(made) > at_most * rule.share:
        made = random.Random(f"{source.id} {rule.name}").sample(made, at_most * rule.share)  # noqa: S311 - no secrets
    return made


class Witness(Protocol):
    """Another implementation."""

    @property
    def name(self) -> str:
        """What it is called."""

    def on_mutant(self, case: Case, message: bytes, verdict: Verdict) -> str:
        """A line on how its own word on a message compares with the verdict.

        Raises:
            AssertionError: The two differ, and nobody knows why.
        """


def judge(
    source: Source,
    at_most: int | None = None,
    rules: tuple[Rule, ...] = RULES,
    witnesses: tuple[Witness, ...] = (),
) -> Tally:
    """Every rule applied to `source`; `at_most` so many mutants for each share of a rule, each shown to the
    `witnesses`."""
    tally = Tally()
    original, knowing = Original(source), Knowing(source)
    for rule in rules:
        for mutant in mutants(source, rule, at_most):
            message = mutant.message()
            if message == source.case.message and not mutant.changes:
                continue
            tally.made[rule.name] += 1
            case = case_of(source, mutant)
            verdict = knowing.verdict(case, message)
            finding = original.finding(rule, mutant, message, verdict)
            if finding is None and verdict != case.verdict(message):
                finding = "what the verifier remembers of other messages changes its verdict"
            for witness in witnesses if finding is None else ():
                try:
                    line = witness.on_mutant(case, message, verdict)
                    tally.witnessed[witness.name, rule.name, line] += 1
                except AssertionError as error:
                    finding = str(error)
            if finding is not None and len(tally.findings) < _MOST_FINDINGS:
                tally.findings.append(f"{source.id}: {rule.name}: {mutant.label}: {finding}")
            tally.accepted[rule.name] += verdict.accepted
    return tally


def case_of(source: Source, mutant: Mutant) -> Case:
    """The conditions that a mutant is judged under."""
    return replace(source.case, **mutant.changes) if mutant.changes else source.case  # type: ignore[arg-type] # fields of Case, by name


class Knowing:
    """Verifiers that have seen the message which mutants are made from, one for each policy that a mutant asks for."""

    def __init__(self, source: Source) -> None:
        """Know the message of `source` well enough for every short cut."""
        self._source = source
        self._verifiers: dict[Policy, Verifier] = {}

    def verdict(self, case: Case, message: bytes) -> Verdict:
        """The verdict on a mutant under the conditions of `case`."""
        verifier = self._verifiers.get(case.policy)
        if verifier is None:
            verifier = self._verifiers[case.policy] = Verifier(case.policy)
            known = replace(self._source.case, policy=case.policy)
            for _ in range(_TEACHING):
                known.verdict_by(verifier)
        return case.verdict_by(verifier, message)


class Original:
    """What consumers read in the message that was signed."""

    def __init__(self, source: Source) -> None:
        """Read it once."""
        self._case = source.case
        self._signed: Strict = strict_view(source.case, source.case.message)
        verdict = source.case.verdict()
        self._signers = {by.key_id for by in verdict.verified_by}
        self._replay_keys = set(verdict.replay_keys)

    def finding(self, rule: Rule, mutant: Mutant, message: bytes, verdict: Verdict) -> str | None:
        """What is wrong with the verdict, None where nothing is."""
        case = replace(self._case, **mutant.changes) if mutant.changes else self._case  # type: ignore[arg-type] # by name
        if not verdict.detail.isprintable() or len(verdict.detail) > _LONGEST:
            return f"no sentence for a log: {verdict.detail!r}"
        if not verdict.accepted:
            if mutant.fate is Fate.ACCEPTED:
                return f"refused: {verdict.reason}: {verdict.detail}"
            reasons = rule.reasons if mutant.reasons is None else mutant.reasons
            if self._case.policy.signatures == "any":
                reasons |= _ANY
            if mutant.fate is Fate.REJECTED and verdict.reason not in reasons:
                return f"rejected for another reason: {verdict.reason}: {verdict.detail}"
            return "rejected, and yet verified" if verdict.verified_by else None
        if mutant.fate is Fate.REJECTED:
            return "accepted"
        if not verdict.verified_by:
            return "accepted, and verified by nobody"
        named = self._misnamed(case, verdict)
        if named is not None:
            return named
        if not mutant.is_signed_anew and not set(verdict.replay_keys) <= self._replay_keys:
            return "accepted, and not known again as the message that it repeats"
        if not mutant.is_signed_anew and self._replay_keys and not verdict.replay_keys:
            return "accepted, and without a key that it would be known again by"
        return self.misread(message, as_signed=not mutant.is_signed_anew, encoding=verdict.encoding or "utf-8")

    def _misnamed(self, case: Case, verdict: Verdict) -> str | None:
        """Who is named wrongly: others than the signers' keys, others than trusted ones, or not all of those."""
        by_alias = {entry.alias: entry for entry in case.trust}
        named = {by.alias for by in verdict.verified_by}
        keys = {by_alias[alias].key_id for alias in named}
        if not keys <= self._signers:
            return "accepted, and verified by a key that did not sign it"
        admitted = {
            alias
            for alias, entry in by_alias.items()
            if entry.key_id in keys
            and entry.state_at(case.at) is State.TRUSTED
            and (case.policy.expired_certificate == "accept" or entry.is_valid_at(case.at))
        }
        return None if named == admitted else f"accepted, and verified by {sorted(named)} instead of {sorted(admitted)}"

    def misread(self, message: bytes, *, as_signed: bool = True, encoding: str = "utf-8") -> str | None:
        """What a consumer would read otherwise than it was signed, in a message that is accepted.

        Without `as_signed`, consumers have only to agree among themselves on what the canonical forms say.
        """
        try:
            read = strict_view(self._case, message)
        except etree.XMLSyntaxError as error:
            return f"accepted, and libxml2 does not read it: {error}"
        for part, forms in self._signed.items():
            if as_signed and set(read[part]) != set(forms):
                return f"accepted, and {part} is not what was signed"
        if "Body" in read:
            seen = naive_view(message)
            if seen is not None and seen != naive_element(read["Body"][0]):
                return "accepted, and a naive consumer reads another Body than the signed one"
            found = textual_view(message, encoding)
            if found is not None and found != naive_element(read["Body"][0]):
                return "accepted, and a consumer that looks for the Envelope in the text reads another Body"
        return None
