"""The command `wssgate`: wiring, exit codes and what people read on a terminal. Nothing is decided here."""

from gateway.cli.invocation import main

__all__ = ["main"]
