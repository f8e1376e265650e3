"""`wssgate endpoint ...`: the endpoints that the gateways recorded."""
