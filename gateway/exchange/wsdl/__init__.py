"""Retrieval of WSDL and schemas through the gateway, with their addresses rewritten."""
