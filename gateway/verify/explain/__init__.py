"""What an operator is told: the steps of a verification, the advice on a rejection, what is known of an unknown signer.

Nothing here decides about a message. The procedure asks `unknown_signers` where no key of the keystore made a
signature, and hands over what it found; it is never called from here.
"""

from gateway.verify.explain.advice import ADVICE, advice_on
from gateway.verify.explain.steps import Explanation, Step, StepState, explanation_of

__all__ = ["ADVICE", "Explanation", "Step", "StepState", "advice_on", "explanation_of"]
