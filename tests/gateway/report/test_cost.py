"""Reports cost the same over a thousand messages as over a billion: none of them walks through the records."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gateway.renewal import cutover_report
from gateway.report import rejection_report, usage_report
from tests.gateway.report.scene import NEW, OLD, Scene

REPORTS: dict[str, Callable[[Scene], object]] = {
    "usage": lambda scene: usage_report(scene.engine, now=scene.now),
    "usage of an endpoint": lambda scene: usage_report(scene.engine, now=scene.now, endpoint="orders"),
    "rejections": lambda scene: rejection_report(scene.engine, now=scene.now),
    "cutover": lambda scene: cutover_report(scene.engine, scene.trust, now=scene.now),
}


def _plans(engine: Engine, ask: Callable[[], object]) -> list[str]:
    """What SQLite does for each statement, one line a table."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    ask()
    event.remove(engine, "before_cursor_execute", note)
    assert asked
    with engine.connect() as connection:
        return [
            row.detail
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


@pytest.mark.parametrize("name", REPORTS)
def test_no_report_walks_through_the_records(scene: Scene, name: str) -> None:
    scene.accept(0, 5, 70, by=[OLD])
    scene.accept(3, 80, by=[NEW])
    scene.reject(1)
    plans = _plans(scene.engine, lambda: REPORTS[name](scene))
    on_records = {plan for plan in plans if "messages" in plan and "hourly" not in plan}
    # The cutover looks at one hour, that of the last old-key message, by the index that leads there.
    allowed = "SEARCH messages USING INDEX messages_by_cell (endpoint=? AND operation=? AND time>? AND time<?)"
    assert on_records == ({allowed} if name == "cutover" else set())
    assert any("hourly" in plan for plan in plans)
