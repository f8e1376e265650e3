"""What people are told without asking: over mail and whatever apprise knows, webhooks, and commands.

Findings go into the outbox (`gateway.ledger`), where they are folded and kept until they are delivered.
"""

from gateway.alerts.alert_events import AlertEvent, Severity, known_event
from gateway.alerts.channels import deliver_notice
from gateway.alerts.desk import AlertDesk
from gateway.alerts.looks.all_looks import Look, database_looks
from gateway.alerts.looks.shown_records import next_command
from gateway.alerts.notice_formats import ALERT_SCHEMA, notice_json, notice_text, notice_title
from gateway.alerts.sending import AlertSending

__all__ = [
    "ALERT_SCHEMA",
    "AlertDesk",
    "AlertEvent",
    "AlertSending",
    "Look",
    "Severity",
    "database_looks",
    "deliver_notice",
    "known_event",
    "next_command",
    "notice_json",
    "notice_text",
    "notice_title",
]
