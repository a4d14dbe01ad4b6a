"""Decisions. Sans-I/O: a request in, a plan out."""
