"""The gateway under load, beside the same stack as a bare pass-through and beside nginx. Loopback only.

Everything runs on one machine: load generator, proxy and receiver share its cores. A second worker can show what it is
worth only where cores are left for it; the report says how many there are.
"""
