"""Sockets. Carries out plans; the only place that knows an event loop."""
