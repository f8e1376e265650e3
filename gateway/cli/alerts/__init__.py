"""`wssgate alerts ...`: one file for each command."""
