"""Which secrets nobody should use: examples, defaults, and what can be guessed."""

from __future__ import annotations

__all__ = ["EXAMPLE_BUCKETS", "weakness"]

#: Shortest secret that is accepted, in characters.
SECRET_MIN = 16
#: Fewest different characters of an acceptable secret.
_DISTINCT_MIN = 6

#: Documented somewhere as an example or a default, and therefore tried first by everybody.
_PUBLISHED = frozenset(
    {
        "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        "minio123",
        "minioadmin",
        "rustfsadmin",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }
)
#: What people write where a secret is to be filled in.
_PLACEHOLDERS = ("changeme", "change-me", "example", "placeholder", "replace-me", "your-secret")

#: Names of buckets in documentation: anybody may own one of these.
EXAMPLE_BUCKETS = frozenset({"amzn-s3-demo-bucket", "doc-example-bucket", "example-bucket"})


def weakness(secret: str, access_key_id: str) -> str:
    """What is wrong with a secret, in words that do not show it; empty when nothing is."""
    lower = secret.lower()
    if secret in _PUBLISHED or any(text in lower for text in _PLACEHOLDERS):
        return "an example or default secret, which everybody knows"
    if len(secret) < SECRET_MIN:
        return f"weak: {len(secret)} characters, at least {SECRET_MIN} are needed"
    if secret == access_key_id:
        return "weak: it is the access key itself"
    if len(set(secret)) < _DISTINCT_MIN:
        return "weak: the same few characters over and over"
    return ""
