"""The schema's history, applied by `gateway.ledger.migrate`."""
