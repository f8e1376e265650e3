"""The operations that are known to exist, whether or not a message of theirs came: silence is no evidence.

A running gateway writes down what a WSDL and its configuration announce. What the configuration of whoever asks names
beside that only adds to it.
"""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Engine

from gateway.config import Settings
from gateway.ledger import expected_operations, local_operation


def known_operations(engine: Engine, settings: Settings) -> Mapping[str, Collection[str]]:
    """By endpoint what was announced, by the gateways' word or by `settings`.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    known = {name: set(operations) for name, operations in expected_operations(engine).items()}
    for name, endpoint in settings.endpoints.items():
        known.setdefault(name, set()).update(endpoint.operations or ())
    return known


def without_traffic(expected: Iterable[str], seen: Iterable[str | None]) -> set[str]:
    """Those of `expected` that none of `seen` is; one without a namespace stands for its local name in any."""
    found = {operation for operation in seen if operation is not None}
    locals_found = {local_operation(operation) for operation in found}
    missing = {one for one in expected if one not in (found if one.startswith("{") else found | locals_found)}
    # Announced in full as well, it is not told twice.
    in_full = {local_operation(one) for one in missing if one.startswith("{")}
    return {one for one in missing if one.startswith("{") or one not in in_full}
