"""What an operator is told of a verification: its steps, one after the other, and in which of them it ended.

Nothing here decides about a message: the procedure notes its step and what it found, and that is read here.
"""

from gateway.verify.explain.steps import Explanation, Step, StepState, explanation_of

__all__ = ["Explanation", "Step", "StepState", "explanation_of"]
