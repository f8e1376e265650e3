"""How a defect of the gateway itself is named, in records and log lines."""

from pathlib import PurePath


def place_of(error: BaseException) -> str:
    """Type and place of `error`, without its text, which might quote the message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"
