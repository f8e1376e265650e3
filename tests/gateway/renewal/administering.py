"""An administrator as a process of its own: `python administering.py URL NAME ROUNDS [stop]`.

It prints `ready` and waits for a line, so that several begin at once. Each round makes one revision of three changes
and prints its number once it is committed. With `stop` the first
revision is left open: after two of its changes it prints `inside` and waits to be killed.
"""

import sys
import time
from datetime import UTC, datetime

from gateway.ledger import open_database
from keystore import State
from keystore.store import KeystoreStore, NewCertificate, Terms
from tests.keystore.issuing import issue


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _administer(url: str, name: str, rounds: int, *, stop: bool) -> None:
    store = KeystoreStore(open_database(url))
    valid = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    made = [issue(f"{name}-{n}", not_before=valid[0], not_after=valid[1]) for n in range(2 * rounds)]
    _say("ready")
    sys.stdin.readline()
    for number in range(rounds):
        with store.revising(who=name, why=f"round {number}", at=datetime.now(UTC)) as draft:
            for certificate in made[2 * number : 2 * number + 2]:
                alias = f"{name}-{len([e for e in draft.entries if e.alias.startswith(f'{name}-')])}"
                draft.add(NewCertificate(alias, certificate), Terms(), state=State.TRUSTED)
            if stop:
                _say("inside")
                time.sleep(60)
            draft.retire(alias)
            revision = draft.revision
        _say(revision)


if __name__ == "__main__":
    _administer(sys.argv[1], sys.argv[2], int(sys.argv[3]), stop=sys.argv[4:] == ["stop"])
