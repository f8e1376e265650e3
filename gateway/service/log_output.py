"""Log lines on standard error: for people or as JSON, with nothing in them that could fake another line."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.config import LogFormat, LogLevel
from gateway.present import no_escapes

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\u2027\u202f-\u2065\u2070-\ufeff\uff00-\U0010ffff]")
_LONGEST = 1000
_LEVELS = {
    # What the server says about its own start and end is said here, with more to the point.
    "uvicorn.error": logging.WARNING,
    "uvicorn.access": logging.ERROR,
    "alembic": logging.WARNING,
    "asyncio": logging.ERROR,
}


def configure_logging(log_format: LogFormat, level: LogLevel) -> None:
    """Send the log of the gateway and of its libraries to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_traceback,
        _escaped,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and not no_escapes(), pad_event_to=0)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    for former in list(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name, least in _LEVELS.items():
        logging.getLogger(name).setLevel(least)


def _without_traceback(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A traceback may quote a message; its type is enough to find the place, with the line that goes with it."""
    failure = event.pop("exc_info", None)
    if isinstance(failure, tuple):
        failure = failure[1]
    if isinstance(failure, BaseException):
        event["error_type"] = type(failure).__name__
    return event


def _escaped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _escape(value)
    return event


def _escape(value: Any) -> str:
    text = str(value)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
