"""Connections to receivers."""
