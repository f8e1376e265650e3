"""One file for each `wssgate renewal ...` command."""
