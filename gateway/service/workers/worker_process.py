"""The place of one worker: a process in it, started again whenever it ends."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any, Final

import structlog

from gateway.service.workers.channel import Channel, ChannelClosed
from gateway.service.workers.restarting import Restarts

_log = structlog.get_logger("wssgate.workers")

START_SECONDS: Final = 60.0
"""How long a worker may take until it serves, on a machine that is busy with other things."""
REPORT_SECONDS: Final = 2.0
"""How often a worker is asked how it is: what it counts is lost for that long at most when it is killed."""
PATIENCE_SECONDS: Final = 5.0
"""How long it may take to answer."""
MISSED_ANSWERS: Final = 6
"""After so many in a row a worker hangs: half a minute is longer than anything that a worker does in one piece."""
_STOP_SECONDS: Final = 30.0
"""Beyond `shutdown_timeout`: for the ledger to write what is queued."""


class WorkerState(StrEnum):
    """How the worker in a place is."""

    STARTING = "starting"
    SERVING = "serving"
    SILENT = "silent"
    """It serves no more, or not for the moment: it does not answer."""
    ENDED = "ended"
    """There is none; the next is about to be started."""


class WorkerProcess:
    """Keeps one worker running."""

    def __init__(
        self,
        number: int,
        listener: socket.socket,
        configured: Callable[[], object],
        on_report: Callable[[int, dict[str, Any]], None],
        on_end: Callable[[int], None],
    ) -> None:
        """Start nothing yet; `keep` does.

        Args:
            number: Which of the workers, from 1.
            listener: The listening socket that all workers share.
            configured: The settings that a worker has to serve by, handed over.
            on_report: Takes the process id of a worker and what it reports.
            on_end: Takes the process id of a worker that has ended.
        """
        self.number = number
        self.state = WorkerState.ENDED
        self.problem: str | None = None
        """Why the last worker ended; None while one serves."""
        self.report: dict[str, Any] | None = None
        """What the present worker said last."""
        self._said: str | None = None
        """Why the present worker cannot serve, as far as it or whoever watches it could say."""
        self.restarts = Restarts()
        self.pid: int | None = None
        self.served = asyncio.Event()
        """A worker has served here."""
        self._listener = listener
        self._configured = configured
        self._told: object = None
        self._on_report = on_report
        self._on_end = on_end
        self._channel: Channel | None = None
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    async def keep(self) -> None:
        """Start a worker, and another one whenever it ends, until `stop`."""
        while not self._stopping.is_set():
            served_seconds = await self._one_worker()
            if self._stopping.is_set():
                return
            pause = self.restarts.pause_after(served_seconds)
            _log.error("worker ended and is started again", worker=self.number, problem=self.problem, pause_s=pause)
            await asyncio.sleep(pause)

    async def ask(self, *, seconds: float) -> None:
        """Have the worker report, now."""
        channel = self._channel
        if channel is None or not self._is_serving:
            return
        with contextlib.suppress(ChannelClosed, TimeoutError):
            report = await channel.call("report", seconds=seconds)
            # Another worker may have taken the place meanwhile.
            if report is not None and self._is_still(channel) and self.pid is not None:
                self.state, self.report = WorkerState.SERVING, report
                self._on_report(self.pid, report)

    async def adopt(self, *, seconds: float) -> str | None:
        """Have the worker serve by the present settings; the answer says why it keeps those it has."""
        if self._channel is None or not self._is_serving:
            return None  # it is told when it serves
        self._told = self._configured()
        try:
            answer = await self._channel.call("adopt", self._told, seconds=seconds)
        except ChannelClosed:
            return None  # the next one is told when it starts
        except TimeoutError:
            return f"worker {self.number} does not answer"
        return None if answer is None else str(answer)

    async def stop(self, *, seconds: float) -> None:
        """Have the worker finish what is under way, at most for `seconds`, and start no other."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        await self._tell("stop")
        try:
            await asyncio.wait_for(process.wait(), seconds + _STOP_SECONDS)
        except TimeoutError:
            _log.error("worker does not end, and is killed", worker=self.number, pid=process.pid)
            _kill(process)
            await process.wait()

    async def hurry(self) -> None:
        """Have the worker wait no longer for what is under way."""
        await self._tell("hurry")

    async def _tell(self, what: str) -> None:
        if self._channel is not None:
            with contextlib.suppress(ChannelClosed, TimeoutError):
                await self._channel.call(what, seconds=PATIENCE_SECONDS)

    async def _one_worker(self) -> float:
        """From the start of a worker to its end; returns the seconds for which it served."""
        self.state, self._said, self.report, self.pid = WorkerState.STARTING, None, None, None
        ours, theirs = socket.socketpair()
        with theirs:
            descriptors = (theirs.fileno(), self._listener.fileno())
            # -P: a folder named gateway where the command is run must not be taken for this package.
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "gateway.service.workers.worker",
                *map(str, (*descriptors, self.number)),
                pass_fds=descriptors,
                stdin=DEVNULL,
            )
        self.pid = process.pid
        serving = asyncio.Event()
        self._channel = await Channel.over(
            ours, {"hello": self._on_hello, "serving": _setter(serving), "failed": self._on_failed}
        )
        began: float | None = None
        watching = asyncio.create_task(process.wait())
        try:
            if await _first(watching, serving.wait(), START_SECONDS):
                began = time.monotonic()
                self.state, self.problem = WorkerState.SERVING, None
                self.served.set()
                if self._told != self._configured():  # a reload while it started
                    await self.adopt(seconds=PATIENCE_SECONDS)
                await self._watch(watching)
            elif not watching.done():
                self._said = f"it did not serve within {START_SECONDS:g} s"
                _kill(process)
            code = await watching
        finally:
            if process.returncode is None:
                _kill(process)
            await self._channel.close()
            self.state = WorkerState.ENDED
            self._on_end(process.pid)
        self.problem = self._said or _how_it_ended(code)
        return 0.0 if began is None else time.monotonic() - began

    async def _watch(self, ended: asyncio.Task[int]) -> None:
        """Ask the worker how it is until it has ended; one that hangs is killed."""
        missed = 0
        while not ended.done():
            before = self.report
            await self.ask(seconds=PATIENCE_SECONDS)
            missed = missed + 1 if self.report is before and not ended.done() else 0
            if self._channel is None or self._channel.is_closed:
                return  # it has ended, or is about to
            if missed:
                self.state = WorkerState.SILENT
                _log.warning("worker does not answer", worker=self.number, pid=self.pid, times=missed)
            if missed >= MISSED_ANSWERS and self._process is not None:
                self._said = f"it did not answer for {MISSED_ANSWERS * PATIENCE_SECONDS:g} s and was killed"
                _kill(self._process)
                return
            await asyncio.wait([ended], timeout=REPORT_SECONDS)

    @property
    def _is_serving(self) -> bool:
        return self.state in {WorkerState.SERVING, WorkerState.SILENT}

    def _is_still(self, channel: Channel) -> bool:
        return self._channel is channel and self._is_serving

    async def _on_hello(self, _: Any) -> object:
        self._told = self._configured()
        return self._told

    async def _on_failed(self, problem: Any) -> None:
        self._said = str(problem)


def _setter(event: asyncio.Event) -> Callable[[Any], Any]:
    async def happened(_: Any) -> None:
        event.set()

    return happened


async def _first(ended: asyncio.Task[int], happening: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Whether `happening` came, before the process had `ended` and the `seconds` were over."""
    wanted = asyncio.create_task(happening)
    try:
        await asyncio.wait([ended, wanted], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return wanted.done()
    finally:
        wanted.cancel()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"
