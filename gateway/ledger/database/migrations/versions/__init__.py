"""One module per revision of the schema; what a published one does to a database that had it is never changed."""
