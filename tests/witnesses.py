"""What independent judges say of a message, Signature by Signature, held against the verifier's reports.

Whatever libxml2 reads is shown to them, whether the verifier would have read it or not. Where they differ from the
verifier, `tests/divergences.py` must say why.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from fixtures.manifest import Case
from gateway.verify import SignatureReport, Verdict
from gateway.verify.envelope import find_security_header, read_envelope
from gateway.verify.reason import Reason, Rejection
from gateway.verify.verdict import CheckResult
from keystore import TrustedCertificate
from tests.divergences import (
    CRYPTOGRAPHIC,
    OTHER_WIDTHS,
    SIGNXML_DIVERGENCES,
    SIGNXML_DIVERGENCES_ON_MUTANTS,
    SIGNXML_TOLERATES_IN_MUTANTS,
    XMLSEC_DIVERGENCES,
    XMLSEC_DIVERGENCES_ON_MUTANTS,
    XMLSEC_TOLERATES,
    Divergences,
    UnexplainedError,
    divergence,
    explained,
)
from tests.judges import libxmlsec_accepts, points_outside, read, signatures, signxml_accepts

_MOST_SIGNATURES: Final = 8
"""Signatures of one message that are shown to a judge: as many as the verifier looks at."""

Accepts = Callable[[Case, etree._Element, int, TrustedCertificate], bool]


@dataclass(frozen=True)
class Witness:
    """An independent judge, with the reasons that it may have to differ."""

    name: str
    accepts: Accepts
    divergences: Divergences
    """Why it does not find good what we accept, of the messages of the fixtures."""
    on_mutants: Divergences
    """The same, of mutants."""
    tolerates: Divergences
    """Why it finds good what we reject as broken, of the messages of the fixtures."""
    tolerates_in_mutants: Divergences = field(default_factory=dict)
    """The same, of mutants."""

    def finds_good(self, case: Case, message: bytes, position: int, certificate: TrustedCertificate) -> bool:
        """Its word on one Signature under one certificate, of a message that is parsed anew."""
        return self.accepts(case, _leniently_read(case, message), position, certificate)

    def finds_any_good(self, case: Case, message: bytes, position: int) -> bool:
        """Whether it finds a Signature good under some certificate that is trusted."""
        return any(self.finds_good(case, message, position, found) for found in case.trust)

    def on_mutant(self, case: Case, message: bytes, verdict: Verdict) -> str:
        """How its word on `message` compares with our `verdict` on it, in a line for a table.

        `case` says under which conditions it was judged.

        Raises:
            UnexplainedError: They differ, and no table says why.
        """
        try:
            root = _leniently_read(case, message)
        except ValueError:
            return "not shown: libxml2 reads no document"
        if points_outside(root):
            return "not shown: a judge would open what a Reference names outside of the message"
        lines = list(self._lines(case, message, root, verdict))
        if not lines:
            return "not shown: there is no Signature in a Security header"
        return next((line for line in lines if not line.startswith("agrees")), lines[0])

    def _lines(self, case: Case, message: bytes, root: etree._Element, verdict: Verdict) -> Iterator[str]:
        reports = reported(case, message, verdict)
        for position, report in reports:
            yield (
                self._on_good(case, message, position, report)
                if report.reason is None
                else self._on_bad(case, message, position, report)
            )
        if not reports:
            # It came to no Signature of ours.
            for position in range(min(_MOST_SIGNATURES, len(signatures(root)))):
                assert verdict.reason is not None
                yield explained(verdict.reason, self.finds_any_good(case, message, position))

    def _on_good(self, case: Case, message: bytes, position: int, report: SignatureReport) -> str:
        entries = {found.alias: found for found in case.trust}
        told = [entries[by.alias] for by in report.verified_by]
        if told and all(self.finds_good(case, message, position, found) for found in told):
            return "agrees: good"
        why = divergence(case, self.on_mutants, message)
        if why is None:
            raise UnexplainedError(f"{self.name} does not find good what we find good")
        # Of two signatures, one may be of the kind that it does not know.
        return why

    def _on_bad(self, case: Case, message: bytes, position: int, report: SignatureReport) -> str:
        assert report.reason is not None
        good = self.finds_any_good(case, message, position)
        if good and report.reason in CRYPTOGRAPHIC:
            wide = OTHER_WIDTHS if _has_another_width(report) else None
            why = wide or divergence(case, self.tolerates_in_mutants, message)
            if why is not None:
                return f"{report.reason}: {why}"
        return explained(report.reason, good)


LIBXMLSEC: Final = Witness(
    "libxmlsec", libxmlsec_accepts, XMLSEC_DIVERGENCES, XMLSEC_DIVERGENCES_ON_MUTANTS, XMLSEC_TOLERATES
)
SIGNXML: Final = Witness(
    "signxml", signxml_accepts, SIGNXML_DIVERGENCES, SIGNXML_DIVERGENCES_ON_MUTANTS, {}, SIGNXML_TOLERATES_IN_MUTANTS
)
WITNESSES: Final = (LIBXMLSEC, SIGNXML)


def reported(case: Case, message: bytes, verdict: Verdict) -> list[tuple[int, SignatureReport]]:
    """The reports of a verdict, each with the position of its Signature among those of all Security headers.

    None where the structure of the message ended the procedure before it came to them: what is told of signatures then
    is told afterwards, and decides nothing.
    """
    if not verdict.signatures:
        return []
    root = read(case, message)
    everywhere = signatures(root)
    try:
        ours = find_security_header(read_envelope(root), case.policy.actor)[0].signatures
    except Rejection:
        assert verdict.reason is Reason.STRUCTURE
        return []
    return [(everywhere.index(node), report) for node, report in zip(ours, verdict.signatures, strict=True)]


def _has_another_width(report: SignatureReport) -> bool:
    """Whether an ECDSA value was tried on no key, because none makes values of that length."""
    return "#ecdsa-" in report.signature_algorithm and all(
        check.result is CheckResult.NOT_APPLICABLE for check in report.checks
    )


def _leniently_read(case: Case, message: bytes) -> etree._Element:
    """The message as the verifier reads it, or else as libxml2 does by itself; nothing is fetched.

    Raises:
        ValueError: libxml2 cannot read it either.
    """
    try:
        return read(case, message)
    except Rejection:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.fromstring(message, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
