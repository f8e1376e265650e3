"""What is on record, read back typed: single records (`stored_records`) and sums of the roll-ups (`roll_up_sums`)."""
