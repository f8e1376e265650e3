"""How long records stay (`horizon`), how old ones go (`pruning`), and whose turn it is to see to that."""
