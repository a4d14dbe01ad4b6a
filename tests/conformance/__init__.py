"""Other people's suites, run at a store and at the gateway before it: ``make conformance``."""
