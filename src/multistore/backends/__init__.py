"""Stores behind the gateway: each implements :class:`multistore.gateway.ports.Backend`."""
