"""Who verifies: the procedure, and before it the fast path for messages that are written like known ones.

Both are called from here, and neither calls the other: `procedure` knows nothing of earlier messages, `fastpath`
accepts or leaves a message to it.
"""

from datetime import datetime

from gateway.verify.conditions import Conditions, conditions
from gateway.verify.explain import Explanation, explanation_of
from gateway.verify.fastpath import KnownMessages, accept_known, learn
from gateway.verify.findings import Examination
from gateway.verify.message_parts import NO_ATTACHMENTS, Attachments
from gateway.verify.named_attachments import examine_with_attachments
from gateway.verify.policy import Policy
from gateway.verify.procedure import examine
from gateway.verify.request import Expectation
from gateway.verify.verdict import Verdict
from keystore import TrustSnapshot


class Verifier:
    """Verifies the messages of one partner under one policy, and owns what is remembered of how they are written.

    What is remembered changes how long a verdict takes, and nothing else. It is bounded (`fastpath.memory` says by
    what), it is made from accepted messages alone, and it is gone with the verifier.

    Safe to share between threads. Have one for each partner: what one partner's messages teach is not pushed out by
    another's.
    """

    __slots__ = ("_known", "policy")

    def __init__(self, policy: Policy, *, fast_path: bool = True) -> None:
        """Demand `policy`; nothing is remembered yet.

        Without `fast_path` nothing ever is, and every message goes through the whole procedure.
        """
        self.policy = policy
        self._known = KnownMessages() if fast_path else None

    @property
    def fast_path(self) -> bool:
        """Whether anything is remembered."""
        return self._known is not None

    def verify(
        self,
        message: bytes,
        trust: TrustSnapshot,
        at: datetime,
        *,
        content_type: str | None = None,
        expects: Expectation | None = None,
        attachments: Attachments = NO_ATTACHMENTS,
    ) -> Verdict:
        """Verify the signed SOAP message `message`.

        Args:
            message: the decoded body, byte for byte as it would be passed on.
            trust: the entries of the endpoint; every trusted one is tried.
            at: the one instant that decides validity and freshness, with a time zone.
            content_type: the Content-Type header that came with it; empty where it came without one, None where that is
                not known.
            expects: what the request lets be expected.
            attachments: what came with it, where it is the root of a multipart body.

        Returns:
            The verdict. A bad message is a value, never an exception.

        Raises:
            ValueError: `at` has no time zone: a broken call, not a bad message.
        """
        asked = conditions(trust, self.policy, at, content_type, expects, attachments)
        if attachments.parts or attachments.problem is not None:
            return _examined(message, asked).verdict
        known = self._known
        found = None if known is None else known.recognise(message)
        document = None
        if found is not None:
            verdict, document = accept_known(message, found, asked)
            if verdict is not None:
                return verdict
        examination = examine(message, asked, document)
        if known is not None and found is None and examination.acceptance is not None:
            learn(known, examination.acceptance)
        return examination.verdict


def verify(
    message: bytes,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    *,
    content_type: str | None = None,
    expects: Expectation | None = None,
    attachments: Attachments = NO_ATTACHMENTS,
) -> Verdict:
    """Verify one message as a `Verifier` for `policy` does, by the whole procedure, and remember nothing of it.

    Raises:
        ValueError: `at` has no time zone.
    """
    return _examined(message, conditions(trust, policy, at, content_type, expects, attachments)).verdict


def explain_message(
    message: bytes,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    *,
    content_type: str | None = None,
    expects: Expectation | None = None,
    attachments: Attachments = NO_ATTACHMENTS,
) -> Explanation:
    """Verify one message as `verify` does, and say what was found at each step.

    Raises:
        ValueError: `at` has no time zone.
    """
    asked = conditions(trust, policy, at, content_type, expects, attachments)
    return explanation_of(message, asked, _examined(message, asked))


def _examined(message: bytes, asked: Conditions) -> Examination:
    return examine_with_attachments(message, asked) if asked.attachments.parts else examine(message, asked)
