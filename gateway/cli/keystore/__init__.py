"""`wssgate keystore ...`: one file for each command; what several of them share is named after its subject."""
