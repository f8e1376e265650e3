"""HTTP/1.1: connections, heads, framing and TLS. What the messages mean is no matter here."""
