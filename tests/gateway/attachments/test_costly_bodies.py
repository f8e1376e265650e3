"""Rule 28 for multipart bodies: each is rejected for what it is made for; `python -m bench hostile` takes the time."""

from operator import attrgetter

import pytest

from fixtures.costly import AT, MULTIPART, MULTIPART_TYPE, TRUSTED, Costly
from fixtures.manifest import trust
from gateway.attachments import open_body
from gateway.exchange import runs_inline
from gateway.verify import Policy, Verifier
from gateway.wire import UpstreamResponse
from keystore import TrustSnapshot

POLICY = Policy()
TRUST = TrustSnapshot.of(*trust(*TRUSTED))


@pytest.mark.parametrize("size", [30_000, 400_000])
@pytest.mark.parametrize("case", MULTIPART, ids=attrgetter("id"))
def test_a_costly_body_is_rejected(case: Costly, size: int) -> None:
    body = case.make(size)
    opened = open_body(body, MULTIPART_TYPE, POLICY)
    verdict = Verifier(POLICY).verify(
        opened.message, TRUST, AT, content_type=opened.content_type, attachments=opened.attachments
    )
    assert str(verdict.reason) in case.reasons, verdict.detail
    assert not runs_inline(UpstreamResponse(200, (), body))
