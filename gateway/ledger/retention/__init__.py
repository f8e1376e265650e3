"""How old records go (`pruning`), and whose turn it is to see to that (`maintenance_turn`)."""
