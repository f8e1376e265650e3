"""An independent judge of what the verification accepted: libxmlsec, under the key that verified the message.

The verification itself never asks it (`gateway.verify` stays pure); the gateway does where its configuration says so,
and the commands where they are told to. libxmlsec itself is loaded when it is asked for the first time.

Exceptions:

JudgeUnavailable          libxmlsec cannot be loaded here; the message says what to install
"""

from gateway.cross_check.judge import disputed, second_opinion
from gateway.cross_check.judge_loading import JudgeUnavailable, require_judge
from gateway.cross_check.opinion import CrossCheck, Opinion

__all__ = ["JudgeUnavailable", "Opinion", "CrossCheck", "disputed", "require_judge", "second_opinion"]
