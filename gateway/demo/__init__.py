"""The whole cutover on one machine: a receiver that signs, the real gateway, a real SOAP client.

Nothing here is needed to run the gateway. The receiver signs with zeep and xmlsec, which share no code with the
verifier.
"""
