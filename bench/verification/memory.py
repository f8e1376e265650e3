"""What a verification adds to the memory of a fresh process: `python -m bench.verification.memory VERIFIER < message`.

A verification of a small message goes first, so that what is loaded once does not count.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Final

from bench.measuring import Call
from bench.memory import peak, peak_from_now
from bench.verification.floor import ALL, floor
from bench.verification.messages import SIZES, signed_message
from bench.verification.verifiers import libxmlsec, signxml, wssgate, zeep
from fixtures.manifest import entry

ISOLATED: Final[Mapping[str, Callable[[bytes], Call]]] = {
    "wssgate": lambda message: wssgate(message, entry("old")),
    "python-xmlsec": lambda message: libxmlsec(message, entry("old")),
    "zeep": lambda message: zeep(message, entry("old")),
    "signxml": lambda message: signxml(message, entry("old")),
    ALL: lambda message: floor(message, entry("old"))[ALL],
}
"""Who can be measured in a process of its own."""


def memory_of(verifier: str, message: bytes) -> int:
    """The octets that a verification of `message` by `verifier` adds to its process at most."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.verification.memory", verifier], input=message, capture_output=True, check=True
    )
    return int(done.stdout)


def main() -> None:
    """Measure the message on standard input."""
    make = ISOLATED[sys.argv[1]]
    make(signed_message(SIZES["5 KB"]))()
    call = make(sys.stdin.buffer.read())
    before = peak_from_now()
    call()
    sys.stdout.write(str(peak() - before))


if __name__ == "__main__":
    main()
