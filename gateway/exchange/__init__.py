"""The door: HTTP in, HTTP out. Forward, verify, record, and only then answer.

UpstreamFailure    the receiver gave no usable response; each kind has its own safe sentence
PathRefused        a request path that could mean something else to the receiver
BodyRefused        a request body that is too long, too slow, or broke off
"""
