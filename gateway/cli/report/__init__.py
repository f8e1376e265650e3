"""`wssgate report ...`: one file for each command, and what the reports share in `formats`."""
