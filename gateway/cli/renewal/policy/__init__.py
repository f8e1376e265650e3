"""`wssgate renewal policy ...`: the guaranteed delivery times, and whose decision they are."""
