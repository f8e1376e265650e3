"""What opening a PKCS#12 file would cost, told before a key is derived from its password.

The file itself says how often its key derivations repeat (RFC 7292, appendix B; RFC 8018, 5; RFC 7914, 7), and the
decoder obeys: a file of one kilobyte can ask for hours. The counts stand in plain, except those of a private key that
is encrypted once more inside an encrypted part.
"""

import math
from collections.abc import Iterator

from keystore.errors import UnreadableKeyFile
from keystore.reading.ber import INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, BerReader, Value

MAX_ITERATIONS = 10_000_000
"""Of all derivations of a file together: some seconds. OpenSSL writes 2,048, Java 10,000, careful people 600,000."""

_CONSTRUCTED_OCTET_STRING = OCTET_STRING | 0x20
_DATA = bytes.fromhex("2a864886f70d010701")
"""1.2.840.113549.1.7.1, a part that is not encrypted."""
_PKCS5 = bytes.fromhex("2a864886f70d0105")
_PKCS12_PBE = bytes.fromhex("2a864886f70d010c01")
_PBKDF2 = _PKCS5 + b"\x0c"
_SCRYPT = bytes.fromhex("2b06010401da47040b")
"""1.3.6.1.4.1.11591.4.11."""
_DIGEST_BYTES = 20
"""Of the shortest digest that PBKDF2 works with: a longer key takes its iterations once more for each of these."""
_MAX_NESTED_PARTS = 4
"""The file holds a part that holds a part; no writer goes further."""


def refuse_costly(data: bytes) -> None:
    """Refuse a PKCS#12 file whose password-based key derivations would take too long.

    Raises:
        UnreadableKeyFile: They would; or the file is so built that nobody can tell.
    """
    try:
        reader = BerReader()
        file = reader.first(data)
        iterations = sum(_costs(reader, file, _MAX_NESTED_PARTS)) + _mac_iterations(file)
    except ValueError as error:
        raise UnreadableKeyFile(
            f"this PKCS#12 file is damaged, cut off or built in an unknown way ({error}): ask its owner for a fresh "
            "copy, or for the certificate as PEM"
        ) from error
    if iterations > MAX_ITERATIONS:
        raise UnreadableKeyFile(
            f"this PKCS#12 file asks for {iterations} iterations to derive its keys, more than the "
            f"{MAX_ITERATIONS} allowed: ask its owner for the certificate as PEM, which needs no password"
        )


def _mac_iterations(file: Value) -> int:
    """PFX.macData.iterations; 1 where it is left out (RFC 7292, 4)."""
    if len(file.children) < 3:
        return 0
    return max((abs(value.number) for value in file.children[2].children if value.tag == INTEGER), default=1)


def _costs(reader: BerReader, value: Value, parts: int) -> Iterator[int]:
    children = value.children
    if value.tag == SEQUENCE and len(children) > 1 and children[0].tag == OBJECT_IDENTIFIER:
        if children[0].content == _DATA:
            yield from _inside(reader, children[1], parts)
        yield _derivation(children[0].content, children[1])
    for child in children:
        yield from _costs(reader, child, parts)


def _inside(reader: BerReader, content: Value, parts: int) -> Iterator[int]:
    """The derivations in a part that is not encrypted: an OCTET STRING that holds further values."""
    for value in content.children:
        if value.tag in {OCTET_STRING, _CONSTRUCTED_OCTET_STRING}:
            if not parts:
                raise ValueError("parts within parts")
            yield from _costs(reader, reader.first(value.octets), parts - 1)


def _derivation(algorithm: bytes, parameters: Value) -> int:
    """The iterations that an AlgorithmIdentifier asks for; 0 where it derives no key."""
    if algorithm != _SCRYPT and not algorithm.startswith((_PKCS5, _PKCS12_PBE)):
        return 0
    numbers = [abs(value.number) for value in parameters.children if value.tag == INTEGER]
    if algorithm == _SCRYPT:
        return 2 * math.prod(numbers[:3])  # costParameter, blockSize, parallelizationParameter
    if algorithm == _PBKDF2:
        length = numbers[1] if len(numbers) > 1 else _DIGEST_BYTES
        return sum(numbers[:1]) * max(1, -(-length // _DIGEST_BYTES))
    return sum(numbers)
