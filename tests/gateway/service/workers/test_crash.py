"""A short crash test of the whole gateway; `make crash` plays a hundred rounds."""

from pathlib import Path

from tests.gateway.exchange.harness import run
from tests.gateway.service.workers.crashing import crash


def test_no_response_without_its_record_whenever_the_gateway_is_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        found = await crash(tmp_path, rounds=5, seed=20261123)
        assert found.kills == 5
        assert len(found.delivered) > 20
        assert found.statuses[502] > 0, "the receiver repeats itself, and that must have been noticed"

    run(scenario(), 240)
