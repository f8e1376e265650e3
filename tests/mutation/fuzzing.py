"""Coverage-guided fuzzing of the verifier: `make fuzz`.

Atheris (libFuzzer) looks for messages that reach new branches of `gateway.verify` and `keystore`. Beside its own
changes of bytes it gets the mutation engine's: elements moved, copied, renamed, put from one message into another, and
mutants of every rule. What must hold of each message:

- there is a verdict, never an exception;
- it costs little time of the processor, whatever it is;
- if it is accepted, its Body is one of those that the fixtures' keys have signed, and consumers agree on what it says.
"""

import argparse
import random
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["gateway.verify", "keystore"]):
    from fixtures.generator.case import AT
    from fixtures.manifest import FOLDER, Case, own_case, own_cases, trust
    from gateway.verify import Policy, Verifier
    from gateway.verify.policy import SUPPORTED_ENCODINGS
    from tests.mutation.consumer import naive_element, naive_view, strict_view
    from tests.mutation.engine import RULES, mutants
    from tests.mutation.rules import havoc
    from tests.mutation.rules.keys import STRANGERS
    from tests.mutation.scanning import edited, portable, scan
    from tests.mutation.source import Source, source_of

MOST_OCTETS: Final = 48 * 1024
MOST_SECONDS: Final = 2.0
"""Of the processor, for one message: instrumented code is slow, and a hostile megabyte takes a quarter of a second."""

_STRICT: Final = Policy()
_LAX: Final = Policy(
    signatures="any",
    allow_sha1=True,
    minimum_rsa_bits=1024,
    expired_certificate="accept",
    encodings=SUPPORTED_ENCODINGS,
)
"""What can be switched off is switched off: more of the code is reached, and the Body must still be signed."""

_UNSEALED: Final = tuple(rule for rule in RULES if rule is not STRANGERS)
"""Nothing that is signed anew: here every key is trusted, and what it signs may be accepted."""


def _judges() -> tuple[Case, ...]:
    """The conditions that every message is judged under: every key of the fixtures is trusted."""
    names = sorted(path.stem for path in (FOLDER / "keys").glob("*.pem") if ".key" not in path.name)
    case = replace(own_case("bst-x509v3"), trust=trust(*names), content_type=None)
    assert case.at.isoformat().startswith(AT[:19])
    return tuple(replace(case, policy=policy) for policy in (_STRICT, _LAX))


class Target:
    """What is fuzzed, and what must hold of it."""

    def __init__(self) -> None:
        """Learn from the fixtures which Bodies were signed."""
        self._judges = tuple((judge, Verifier(judge.policy)) for judge in _judges())
        """Each with a verifier that remembers what it has seen, as a gateway's does."""
        self._signed: set[bytes] = set()
        for case in own_cases():
            for judge, verifier in self._judges:
                if judge.verdict_by(verifier, case.message).accepted:
                    self._signed.add(strict_view(judge, case.message)["Body"][0])

    def __call__(self, message: bytes) -> None:
        """Judge one message.

        Raises:
            AssertionError: Something does not hold.
        """
        for judge, verifier in self._judges:
            before = time.thread_time()
            verdict = judge.verdict_by(verifier, message)
            spent = time.thread_time() - before
            assert spent < MOST_SECONDS, f"{spent:.1f} s of the processor for {len(message)} bytes"
            assert verdict.detail.isprintable()
            if not verdict.accepted:
                assert verdict.reason is not None
                assert not verdict.verified_by
                continue
            assert verdict.verified_by
            read = strict_view(judge, message)["Body"]
            assert len(read) == 1
            assert read[0] in self._signed, "accepted, and nobody has signed that Body"
            seen = naive_view(message)
            assert seen is None or seen == naive_element(read[0]), "accepted, and a naive consumer reads another Body"


class Mutator:
    """Structure-aware changes beside those of libFuzzer."""

    def __init__(self) -> None:
        """Scan the fixtures that are accepted."""
        self._sources: tuple[Source, ...] = tuple(
            source_of(case) for case in own_cases() if case.accepted and len(case.message) < MOST_OCTETS
        )

    def change(self, data: bytes, max_size: int, seed: int) -> bytes:
        """One change of `data`."""
        draw = random.Random(seed)  # noqa: S311 - libFuzzer's seed, no secrets
        choice = draw.random()
        if choice < 0.4:
            return bytes(atheris.Mutate(data, max_size))
        if choice < 0.5:
            source = draw.choice(self._sources)
            made = [m for m in mutants(source, draw.choice(_UNSEALED)) if not m.is_signed_anew]
            return (draw.choice(made).message() if made else source.case.message)[:max_size]
        try:
            text = data.decode()
            for _ in range(draw.randint(1, 3)):
                text = draw.choice(havoc.OPERATIONS)(text, draw)
        except (AssertionError, ValueError, IndexError, KeyError):
            return bytes(atheris.Mutate(data, max_size))  # No document any more.
        return text.encode()[:max_size]

    def cross(self, one: bytes, other: bytes, max_size: int, seed: int) -> bytes:
        """An element of one message in a place of the other."""
        draw = random.Random(seed)  # noqa: S311 - libFuzzer's seed, no secrets
        try:
            text, foreign = one.decode(), other.decode()
            gap = draw.choice([gap for node in scan(text).walk() for gap in node.gaps()])
            node = draw.choice(list(scan(foreign).walk()))
            return edited(text, [(gap, gap, portable(foreign, node))]).encode()[:max_size]
        except (AssertionError, ValueError, IndexError, KeyError):
            return one[:max_size]


def seed(folder: Path) -> None:
    """Put the fixtures into the corpus, where they are not in it yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in own_cases():
        path = folder / f"fixture-{case.file.name}"
        if len(case.message) <= MOST_OCTETS and not path.exists():
            path.write_bytes(case.message)


def main() -> None:
    """Fuzz for a bounded time; the exit code is libFuzzer's, 0 where nothing was found."""
    parser = argparse.ArgumentParser(description="Fuzz the verifier, guided by the branches that messages reach.")
    parser.add_argument("--seconds", type=int, default=60, help="how long to look (default: 60)")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz/corpus"), help="kept between runs")
    options = parser.parse_args()
    seed(options.corpus)
    findings = options.corpus.parent / "findings"
    findings.mkdir(exist_ok=True)
    mutator = Mutator()
    arguments = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-max_len={MOST_OCTETS}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={findings}/",
        str(options.corpus),
    ]
    atheris.Setup(
        arguments, Target(), custom_mutator=mutator.change, custom_crossover=mutator.cross, internal_libfuzzer=True
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
