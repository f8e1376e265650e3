"""The outbox: what people are to be told, and whom of them it has reached; kept in the database until then."""
