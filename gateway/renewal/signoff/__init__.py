"""What is signed off: retirement certificates and sign-offs, their renderings, and the check of each figure."""

from gateway.renewal.signoff.document_errors import (
    DocumentsUnavailable,
    DocumentUnreadable,
)
from gateway.renewal.signoff.figures import MAX_DOCUMENT_BYTES
from gateway.renewal.signoff.renderings import signoff_html, signoff_markdown, signoff_pdf
from gateway.renewal.signoff.retirement import CertifyingGates, RetirementCertificate, certifying_gates
from gateway.renewal.signoff.signing_off import SIGNOFF_SCHEMA, Signoff, evidence_bundle, make_signoff
from gateway.renewal.signoff.signoff_check import CheckedDocument, CheckedFigure, FigureState, verify_signoff
from gateway.renewal.signoff.signoff_page import claim_sentences

__all__ = [
    "CertifyingGates",
    "CheckedDocument",
    "CheckedFigure",
    "DocumentUnreadable",
    "DocumentsUnavailable",
    "FigureState",
    "MAX_DOCUMENT_BYTES",
    "RetirementCertificate",
    "SIGNOFF_SCHEMA",
    "Signoff",
    "certifying_gates",
    "claim_sentences",
    "evidence_bundle",
    "make_signoff",
    "signoff_html",
    "signoff_markdown",
    "signoff_pdf",
    "verify_signoff",
]
