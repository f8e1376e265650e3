"""What the log says of a message that has been recorded: hashes, reasons and record ids, never bodies.

What was turned away has a line each. Of what passes the first of a kind has one, so that the log shows when a key
begins to be used; the others are told from level `debug` on, for the ledger holds them all and the metrics count them.
"""

import logging

import structlog

from gateway.ledger import MessageRecord
from gateway.vocabulary import RecordedOutcome

_NAME = "wssgate.exchange"
_log = structlog.get_logger(_NAME)
_levels = logging.getLogger(_NAME)
_PASSING = frozenset({RecordedOutcome.ACCEPTED, RecordedOutcome.PASSED})


class MessageLog:
    """Writes the log lines of one gateway process."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        # Every part of it is chosen by the configuration and the keystore, so it stays small.
        self._told: set[tuple[str, str, str, tuple[str, ...]]] = set()

    def recorded(self, record: MessageRecord) -> None:
        """Tell of `record` (see `gateway.exchange.extension_points.Recorder`)."""
        aliases = tuple(str(entry.alias) for entry in record.verified_by)
        opinion = record.second_opinion
        if opinion is not None and opinion.is_contrary:
            _log.error(
                "second opinion: not agreed",
                endpoint=record.endpoint,
                record=record.id,
                opinion=str(opinion.opinion),
                detail=opinion.detail,
                delivered=record.released,
            )
        if record.outcome not in _PASSING:
            _log.warning(
                str(record.outcome),
                reason=record.reason,
                detail=record.detail,
                delivered=record.released,
                **_fields(record),
            )
            return
        told = record.endpoint, record.kind, record.outcome, aliases
        if told not in self._told:
            self._told.add(told)
            _log.info(f"{record.outcome}, first since the start", keys=",".join(aliases), **_fields(record))
        elif _levels.isEnabledFor(logging.DEBUG):  # asked here, for composing a line costs as much as a signature check
            _log.debug(str(record.outcome), keys=",".join(aliases), **_fields(record))


def _fields(record: MessageRecord) -> dict[str, object]:
    return {
        "endpoint": record.endpoint,
        "kind": str(record.kind),
        "record": record.id,
        "status": record.upstream_status,
        "upstream_ms": round(record.upstream_ms, 1),
        "verify_ms": round(record.verify_ms, 2),
    }
