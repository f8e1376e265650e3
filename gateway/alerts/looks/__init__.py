"""What the process that sends looks for in the database: it depends on nobody who was there when it happened."""
