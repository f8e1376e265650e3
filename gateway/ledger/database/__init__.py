"""The database: opening SQLite and PostgreSQL, tables, schema and migrations, connections and their errors, notices."""
