"""An independent judge of what the verification accepted: libxmlsec, under the key that verified the message.

The verification itself never asks it (`gateway.verify` stays pure); the door does where its configuration says so, and
the commands where they are told to.
"""

from gateway.second_opinion.opinion import Opinion, SecondOpinion

__all__ = ["Opinion", "SecondOpinion"]
