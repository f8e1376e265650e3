"""`wssgate ledger ...`: one file for each command."""
