"""The door: HTTP in, HTTP out. Forward, verify, record, and only then answer.

PathRefused        a request path that could mean something else to the receiver
BodyRefused        a request body that is too long, too slow, or broke off
"""
