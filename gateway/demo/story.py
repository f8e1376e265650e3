"""The demo itself: the eight steps of a renewal, with the receiver system, the gateway and a client all real.

Every answer is compared with the one that the story needs: a demo that ends has also checked the product end to end.
"""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import requests

from gateway.demo.caller import Caller
from gateway.demo.errors import DemoFailed, FolderNotEmpty
from gateway.demo.keys import KeyPair, make_key_pair
from gateway.demo.narration import Narrator
from gateway.demo.processes import Processes, free_addresses, readiness
from gateway.demo.receiver import PATH
from gateway.demo.receiver_settings import Attack, ReceiverSettings, signed_by, write_settings
from gateway.demo.service import LAGGARD, OPERATIONS, request_for

_OLD, _NEW, _FOREIGN = "acme-2024", "acme-2026", "stranger"
_THEIRS, _OURS = "Receiver administrator", "Tenant administrator"
_ATTACKED = OPERATIONS[0]
_ENOUGH = 16
"""Calls of each operation after which a server with half of them is not missed (see
`gateway.renewal.cutover.switch_rule`)."""
_SWITCH_SECONDS = 120
"""How long the demo goes on calling until nothing of the old key keeps the cutover open."""
_SIGN_OFF = "signoff.html"
_LOAD_SECONDS = 10
"""How long the gateway may take to load a change of the keystore; a second is what it promises."""
_WATCHED_SECONDS = 120
"""How long it may take until the gateway has told that it watched for that time; it tells so every half minute."""
_DELIVERY_SECONDS = 1
"""The guaranteed delivery time of the demo's endpoint; in real life it is days."""


def run(keep: Path | None, *, as_json: bool = False) -> int:
    """Tell the whole story; files go to a temporary folder, or to `keep` and stay there.

    With `as_json` the story goes to standard error and its outcome, as one object, to standard output.

    Raises:
        DemoError: something did not happen as it should, or the folder `keep` is in use.
    """
    started = time.monotonic()
    narrator = Narrator(stderr=as_json)
    with _ended_by_sigterm(), _folder(keep) as folder, Processes(folder) as processes:
        story = _Story(folder, processes, narrator)
        story.tell()
        page = folder / _SIGN_OFF if keep is not None else _kept_page(folder / _SIGN_OFF)
    seconds = time.monotonic() - started
    narrator.says(f"(The demo took {seconds:.0f} seconds; its processes have ended.)", style="dim")
    narrator.says(f"The sign-off of this renewal, for a browser: {page}")
    if keep is not None:
        narrator.says(f"Its files are in {keep}: look around with wssgate status --config {keep}/gateway.toml")
    if as_json:
        outcome = {"schema": "wssgate.demo/1", "calls": story.accepted + story.rejected, "accepted": story.accepted}
        sys.stdout.write(json.dumps(outcome | {"rejected": story.rejected, "seconds": round(seconds, 1)}) + "\n")
    return 0


class _Story:
    def __init__(self, folder: Path, processes: Processes, narrator: Narrator) -> None:
        self.accepted = 0
        self._reasons: list[str] = []
        self._folder = folder
        self._processes = processes
        self._narrator = narrator
        self._config = folder / "gateway.toml"
        self._receiver = ""
        self._listen, self._admin = free_addresses(2)

    @property
    def rejected(self) -> int:
        return len(self._reasons)

    def tell(self) -> None:
        self._narrator.title("wssgate demo: the key behind signed SOAP responses is renewed, and nobody has to guess")
        old = make_key_pair(self._folder, _OLD, "ACME")
        self._receiver_signs(signed_by(_OLD))
        self._set_up(old)
        with closing(self._caller()) as caller:
            self._before(caller)
            self._steps_one_to_four()
            self._step_five(caller)
            self._steps_six_and_seven(caller)
            self._step_eight(caller)
        self._conclusion()

    def _set_up(self, old: KeyPair) -> None:
        port = self._processes.start_receiver()
        self._narrator.chapter("0", "Everybody", "a receiver system, a gateway in front of it, a client")
        self._narrator.says(
            f"The receiver system of ACME (port {port}) signs the Body and the Timestamp of each response with its key "
            f"{_OLD}. A gateway is put in front of it:"
        )
        upstream = self._receiver = f"http://127.0.0.1:{port}{PATH}"
        arguments = ["init", "--endpoint", "orders", "--upstream", upstream]
        self._wssgate(*arguments, "--listen", self._listen, "--admin", self._admin, quiet=True)
        written = self._config.read_text(encoding="utf-8")
        # Two servers take turns here, and nobody waits for days, or for an hour.
        quick = re.sub(
            r'^guaranteed_delivery_time = "\w+"',
            f'switch_quiet_time = "1s"\nswitch_smallest_share = 0.5\nguaranteed_delivery_time = "{_DELIVERY_SECONDS}s"',
            written,
            flags=re.MULTILINE,
        )
        self._config.write_text(quick, encoding="utf-8")
        self._wssgate("keystore", "add", _OLD, old.certificate_file.name, "--endpoint", "orders", quiet=True)
        self._narrator.command(["serve"])
        self._processes.start_gateway(self._config, self._admin)

    def _caller(self) -> Caller:
        try:
            caller = Caller(f"http://{self._listen}/orders?wsdl")
        except (requests.RequestException, OSError, ValueError) as error:
            raise DemoFailed(f"the WSDL cannot be fetched through the gateway: {error}") from error
        if self._listen not in caller.service_address:
            caller.close()
            raise DemoFailed(f"the WSDL leads past the gateway, to {caller.service_address}")
        self._narrator.says(
            f"The client (zeep) fetched the WSDL through the gateway, and so calls {caller.service_address}:"
        )
        return caller

    def _before(self, caller: Caller) -> None:
        self._call_all(caller, 2, {_OLD})

    def _steps_one_to_four(self) -> None:
        self._narrator.chapter("1", _THEIRS, "creates a new key pair")
        new = make_key_pair(self._folder, _NEW, "ACME")
        self._narrator.says(f"{_NEW}: the same subject as {_OLD}, another key. No name tells the two apart.")
        self._narrator.chapter("2", _THEIRS, "hands the new certificate over")
        self._narrator.says("By mail, with a response that a test system signed with the new key.")
        file = new.certificate_file.name
        self._wssgate("renewal", "start", "--old", _OLD, "--new", file, "--alias", _NEW, quiet=True)
        self._narrator.says("It is known now, and not trusted yet. Would that response have passed on the night?")
        self._wssgate("renewal", "rehearse", self._sample().name)
        self._narrator.says("The fingerprint is read out over the phone, not taken from the mail:")
        fingerprint = new.thumbprint
        self._wssgate("renewal", "confirm", "2", "--by", _THEIRS, "--fingerprint", fingerprint, quiet=True)
        self._narrator.chapter("3", _OURS, "trusts it; the old one stays")
        self._wssgate("keystore", "trust", _NEW, "--reason", "renewal 2026", quiet=True)
        revision = self._wait_for_the_keystore()
        self._narrator.says(f"The running gateway has loaded keystore revision {revision}, without a restart.")
        self._narrator.chapter("4", _OURS, "tells the receiver administrator: you may send")
        self._wssgate("renewal", "notice", "4", quiet=True)
        self._wssgate("renewal", "confirm", "4", "--by", _OURS, quiet=True)
        self._narrator.says("The message for it is written. From now on responses signed with either key pass.")

    def _sample(self) -> Path:
        """A response that the receiver signed with its new key, before it does so in earnest."""
        self._receiver_signs(signed_by(_NEW))
        try:
            answer = requests.post(self._receiver, data=request_for(_ATTACKED, "4711"), timeout=10)
            answer.raise_for_status()
        except requests.RequestException as error:
            raise DemoFailed(f"the receiver gives no sample: {error}") from error
        self._receiver_signs(signed_by(_OLD))
        sample = self._folder / "sample.xml"
        sample.write_bytes(answer.content)
        return sample

    def _step_five(self, caller: Caller) -> None:
        self._narrator.chapter("5", _THEIRS, "switches to the new key, one server after the other")
        self._receiver_signs(signed_by(_OLD, _NEW))
        self._narrator.says("One of two servers has switched, and the responses take turns:")
        self._call_all(caller, 4, {_OLD, _NEW})
        self._narrator.says(
            "Meanwhile somebody on the way changes a response, hides a signed one in a forgery, and signs one with "
            "a key of his own:"
        )
        for attack, reason in ((Attack.ALTERED, "digest-mismatch"), (Attack.WRAPPED, "wrapping")):
            self._receiver_signs(signed_by(_NEW), attack)
            self._call_rejected(caller, reason)
        make_key_pair(self._folder, _FOREIGN, "ACME")
        self._receiver_signs(signed_by(_FOREIGN))
        self._call_rejected(caller, "unknown-key")
        self._receiver_signs(signed_by(_NEW, laggard=(LAGGARD, _OLD)))
        self._narrator.says("Both servers have switched, says the receiver administrator:")
        self._call_all(caller, 8, {_OLD, _NEW})

    def _steps_six_and_seven(self, caller: Caller) -> None:
        self._narrator.chapter("6", _THEIRS, "is about to throw the old key away")
        self._narrator.says("Not yet. One operation runs on a server that everybody forgot, and the gateway knows it:")
        self._wssgate("renewal", "status")
        self._narrator.says("Whoever believes what they were told, and retires the old certificate now, is stopped:")
        self._wssgate("renewal", "retire", "--reason", "they have switched", quiet=True, expected=1)
        self._narrator.says(f"Refused, because the old key still carries {LAGGARD}, and because it is too early.")
        self._receiver_signs(signed_by(_NEW))
        self._narrator.says(f"{LAGGARD} is switched as well. Now the old key can go.")
        self._call_until_switched(caller)
        self._narrator.chapter("7", _THEIRS, "says: we sign with the new key")
        self._narrator.says("Nobody needs to believe it:")
        self._wssgate("report", "cutover", "--check")

    def _step_eight(self, caller: Caller) -> None:
        self._narrator.chapter("8", _OURS, "retires the old certificate")
        self._narrator.says(
            "Not before the guaranteed delivery time has passed: in real life two weeks, here a second. Only time "
            "counts in which the gateway watched, and it says so every half minute: that is waited for."
        )
        self._retire()
        self._sign_off()
        self._wait_for_the_keystore()
        self._call_all(caller, 2, {_NEW})
        self._narrator.says("Weeks later a server comes back from an old backup, and is switched off again:")
        self._receiver_signs(signed_by(_OLD))
        self._call_rejected(caller, "retired-key")
        self._receiver_signs(signed_by(_NEW))
        self._call_all(caller, _ENOUGH, {_NEW}, (_ATTACKED,))
        self._narrator.says("That re-opened the cutover, until the old key has been quiet for long enough once more.")

    def _conclusion(self) -> None:
        self._narrator.chapter(
            "=", "On record", "which key verified what, what was turned away, and where the cutover is"
        )
        self._check_reasons()
        self._wssgate("report", "usage")
        self._wssgate("report", "cutover", "--check", expected=1)
        self._narrator.chapter("=", "What you have seen", f"{self.accepted + self.rejected} calls of a SOAP client")
        self._narrator.points(
            (
                f"{self.accepted} responses passed, signed with the old key, with either, then with the new one.",
                f"{self.rejected} did not: altered, wrapped, signed by a stranger, signed with the retired key.",
                "The client was not changed and nothing was restarted while the keys changed.",
                "The operation that lagged behind was named before the old key was thrown away, not after.",
                "Each response was recorded before it was released: the cutover is a fact with a time and a count.",
            )
        )
        self._narrator.chapter("=", "Next", "a gateway of your own; README.md has the first deployment in ten minutes")
        self._narrator.command(["init", "--endpoint", "orders", "--upstream", "https://receiver.example/ws/orders"])
        self._narrator.command(["keystore", "add", "acme-2024", "acme-2024.pem", "--endpoint", "orders"])
        self._narrator.command(["serve"])
        if shutil.which("wssgate") is None:
            self._narrator.says("The command is in .venv/bin; `. .venv/bin/activate` makes it known to the shell.")

    def _receiver_signs(self, signing: dict[str, list[str]], attack: Attack = Attack.NONE) -> None:
        write_settings(self._folder, ReceiverSettings(signing, attack))

    def _wssgate(self, *arguments: str, quiet: bool = False, expected: int = 0) -> None:
        output = self._processes.run(*arguments, expected=expected)
        self._narrator.command(arguments, "" if quiet else output)

    def _call_all(
        self, caller: Caller, rounds: int, expected: set[str], operations: Sequence[str] = OPERATIONS
    ) -> None:
        calls = [caller.call(operation, str(4711 + number)) for number in range(rounds) for operation in operations]
        for call in calls:
            if call.verdict != "accepted" or call.fault is not None:
                raise DemoFailed(f"{call.operation} had to be accepted and was not: {call.fault or call.verdict}")
        found = {call.keys for call in calls}
        if found != expected:
            raise DemoFailed(f"the responses had to be verified by {_list(expected)}, and were by {_list(found)}")
        self.accepted += len(calls)
        self._narrator.calls(calls)

    def _call_until_switched(self, caller: Caller) -> None:
        """Call until enough responses have come without the old key, and it has been quiet for long enough."""
        deadline = time.monotonic() + _SWITCH_SECONDS
        self._call_all(caller, _ENOUGH, {_NEW})
        while not json.loads(self._processes.run("report", "cutover", "--json"))["endpoints"][0]["switched"]:
            if time.monotonic() > deadline:
                raise DemoFailed(f"the cutover was not complete within {_SWITCH_SECONDS} seconds")
            time.sleep(0.5)
            self._call_all(caller, 1, {_NEW})

    def _retire(self) -> None:
        """Retire the old certificate as soon as its gate opens."""
        command = ("renewal", "retire", "--reason", "renewal 2026 is complete")
        deadline = time.monotonic() + _WATCHED_SECONDS
        code, output = self._processes.attempt(*command)
        while code == 1 and "watched so far" in output and time.monotonic() < deadline:
            time.sleep(1)
            code, output = self._processes.attempt(*command)
        if code != 0:
            raise DemoFailed(f"the old certificate could not be retired:\n{output}")
        self._narrator.command(command, output)

    def _sign_off(self) -> None:
        self._wssgate("renewal", "signoff", _NEW, "--html", _SIGN_OFF, "--json", "signoff.json", quiet=True)
        self._wssgate("renewal", "verify-signoff", "signoff.json", quiet=True)
        self._narrator.says("One page for the auditor, and every figure of it counted again: they match.")

    def _call_rejected(self, caller: Caller, reason: str) -> None:
        call = caller.call(_ATTACKED, "4711")
        if call.verdict != "rejected" or call.fault is None or call.amount is not None:
            raise DemoFailed(f"{call.operation} had to be rejected ({reason}) and was not: {call.verdict}")
        self._reasons.append(reason)
        self._narrator.rejected(call, reason)

    def _check_reasons(self) -> None:
        """Compare the reasons that the story told with those on record."""
        rows = json.loads(self._processes.run("report", "rejections", "--json"))["rows"]
        recorded = sorted(row["reason"] for row in rows for _ in range(row["messages"]))
        if recorded != sorted(self._reasons):
            raise DemoFailed(
                f"on record are the rejections {_list(recorded)}, and they had to be {_list(self._reasons)}"
            )

    def _wait_for_the_keystore(self) -> int:
        """Wait until the running gateway has loaded the newest revision; that is step 4's "safe to tell"."""
        wanted = int(json.loads(self._processes.run("status", "--json"))["keystore"]["revision"])
        deadline = time.monotonic() + _LOAD_SECONDS
        while time.monotonic() < deadline:
            found = readiness(self._admin)
            if found is not None and found["keystore"]["revision"] == wanted:
                return wanted
            time.sleep(0.05)
        raise DemoFailed(f"the gateway did not load keystore revision {wanted} within {_LOAD_SECONDS} seconds")


def _list(keys: Collection[str]) -> str:
    return ", ".join(sorted(keys)) or "no key"


def _kept_page(page: Path) -> Path:
    """A copy of the page that stays when the demo's folder is gone."""
    descriptor, kept = tempfile.mkstemp(prefix="wssgate-demo-signoff-", suffix=".html")
    os.close(descriptor)
    return Path(shutil.copyfile(page, kept))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="wssgate-demo-") as folder:
            yield Path(folder)
        return
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise FolderNotEmpty(f"{keep} is not empty; name a new folder for the demo's files.")
    yield keep.absolute()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that the demo's processes and files go with it."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
