"""A gateway forgets the signatures that are older than anybody asks for."""

from pathlib import Path

import pytest
import structlog
from sqlalchemy import insert, select, text

from gateway.config import load_settings
from gateway.ledger import LedgerWriter, migrate, open_database
from gateway.ledger.clock import own_clock
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import signature_uses
from gateway.ledger.write import signature_uses as signature_uses_module
from gateway.service.maintenance import Maintenance
from tests.gateway.ledger.load import OLD, accepted


def test_signatures_of_long_past_days_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('[gateway]\n[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/"\n')
    settings = load_settings(config)
    engine = open_database(settings.gateway.database)
    migrate(engine)
    writer = LedgerWriter(engine, "host:1")
    writer.submit(accepted(OLD)).result(10)
    assert writer.close()
    today = own_clock() // (24 * 3_600_000_000)
    rows = [{"day": today - day, "signature_id": bytes([n]) * 20} for day in (500, 401, 400, 3) for n in range(7)]
    with writing(engine) as connection:
        connection.execute(insert(signature_uses), rows)
    monkeypatch.setattr(signature_uses_module.forget_signatures, "__defaults__", (5,))
    upkeep = Maintenance(engine, "host:1", lambda: settings, writer.tell)

    with structlog.testing.capture_logs() as lines:
        upkeep.forget_signatures()
        upkeep.forget_signatures()

    assert [(line["event"], line["signatures"]) for line in lines] == [("old signatures forgotten", 14)]
    with reading(engine) as connection:
        assert sorted(connection.execute(select(signature_uses.c.day).distinct()).scalars()) == [
            today - 400,
            today - 3,
            today,
        ]
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE signature_uses"))
    with structlog.testing.capture_logs() as lines:
        upkeep.forget_signatures()
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("old signatures could not be forgotten", "warning")
    ]
    engine.dispose()
