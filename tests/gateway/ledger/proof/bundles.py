"""A ledger with signed ends, receipts and a keystore, and bundles made of it."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from gateway.ledger import BundleReport, EventKind, LedgerWriter, SigningKey, make_bundle, verify_bundle
from keystore.store import KeystoreStore
from tests.gateway.ledger.receipt_samples import AT, certificate, record_of_message

KEY = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
HEARTBEAT: dict[str, Any] = {"endpoints": {"orders": {"serving": True, "reachable": True, "since": None}}}


@dataclass
class Scene:
    """A ledger and the ids of its records, in their order."""

    engine: Engine
    ids: list[str]

    def bundle(self, *places: int) -> bytes:
        """A bundle about the records at these places."""
        stream = io.BytesIO()
        make_bundle(self.engine, [self.ids[place] for place in places], stream)
        return stream.getvalue()


def play(engine: Engine, key: SigningKey | None = KEY) -> Scene:
    """Write five records, a heartbeat, two records more, and what a writer tells at its end."""
    store = KeystoreStore(engine)
    for number, alias in enumerate(("old", "new", "p256")):
        at = AT - timedelta(days=30 - number)
        store.add(alias, certificate(alias), who="alice", why="onboarding", at=at)
    store.retire("old", who="bob", why="renewal", at=AT + timedelta(days=1))
    writer = LedgerWriter(engine, "host:1", key=key, started={"version": "1", "keystore_revision": 3})
    usual = ("timestamp-signed", "new-key", "two-signatures-old-and-new", "unsigned", "new-key")
    ids = [_write(writer, message) for message in usual]
    writer.tell(EventKind.HEARTBEAT, HEARTBEAT).result(10)
    ids += [_write(writer, "new-key"), _write(writer, "ecdsa-p256-sha256", "p256")]
    assert writer.close(10)
    return Scene(engine, ids)


def _write(writer: LedgerWriter, message: str, *keys: str) -> str:
    record = record_of_message(message, *keys, keystore_revision=3)
    return writer.submit(record).result(10).record.id


def verified(data: bytes, pinned: dict[str, str] | None = None) -> BundleReport:
    """The report on a bundle."""
    return verify_bundle(io.BytesIO(data), pinned)


Files = dict[str, bytes]


def unpacked(data: bytes) -> Files:
    """The files of a bundle."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Files, *, digests: bool = True) -> bytes:
    """A bundle of these files; with `digests` as somebody packs it who knows what `bundle.json` is for."""
    if digests:
        manifest = json.loads(files["bundle.json"])
        manifest["files"] = {
            name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "bundle.json"
        }
        files = files | {"bundle.json": json.dumps(manifest).encode()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def changed(data: bytes, name: str, change: Callable[[list[Any]], object]) -> bytes:
    """The bundle with the objects of the file `name`, one a line, changed."""
    files = unpacked(data)
    lines = [json.loads(line) for line in files[name].splitlines()]
    change(lines)
    files[name] = b"".join(json.dumps(line, sort_keys=True).encode() + b"\n" for line in lines)
    return packed(files)


def rehashed(lines: list[Any]) -> None:
    """Let every link follow the one before it again, as a forger would."""
    previous: dict[Any, str] = {}
    for line in lines:
        writer = line["content"].get("writer")
        line["previous_hash"] = previous.get(writer, line["previous_hash"])
        spelled = json.dumps(line["content"], sort_keys=True, separators=(",", ":"))
        line["hash"] = hashlib.sha256(bytes.fromhex(line["previous_hash"]) + spelled.encode()).hexdigest()
        previous[writer] = line["hash"]
