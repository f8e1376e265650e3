"""Who makes the changes of the tests, why and when."""

from datetime import datetime, timedelta
from typing import TypedDict

from tests.keystore.issuing import NOON

HOUR = timedelta(hours=1)


class By(TypedDict):
    who: str
    why: str
    at: datetime


BY: By = {"who": "eva", "why": "ticket 7", "at": NOON}


def later(hours: float = 1) -> By:
    return {"who": "bo", "why": "", "at": NOON + hours * HOUR}
