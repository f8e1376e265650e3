"""Tables whose rows the database itself keeps from being changed. Used by published revisions: not to be changed."""

from alembic import op

_FUNCTION = """
CREATE OR REPLACE FUNCTION keystore_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0];
END
$$
"""


def refuse_changes(*tables: str) -> None:
    """Let the database refuse every change of rows that are in `tables`, and on PostgreSQL their removal at one blow.

    A trigger that is there already comes to call the keystore's own function.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
        for table in tables:
            for change in ("UPDATE", "DELETE", "TRUNCATE"):
                scope = "STATEMENT" if change == "TRUNCATE" else "ROW"
                op.execute(
                    f"CREATE OR REPLACE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                    f"FOR EACH {scope} EXECUTE FUNCTION keystore_refuse_change('{table} is append-only')"
                )
        return
    for table in tables:
        for change in ("UPDATE", "DELETE"):  # SQLite knows no TRUNCATE
            op.execute(
                f"CREATE TRIGGER IF NOT EXISTS {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
