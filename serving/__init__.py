"""Embedded model server, clients and the behaviour store."""
