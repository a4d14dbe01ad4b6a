from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multistore.config.sealer import TokenSealer
from multistore.errors import S3Error

SECRET = b"a secret of the configuration"
OTHER = b"another secret, also long enough"
SEALER = TokenSealer(SECRET)


def refused(sealer: TokenSealer, sealed: bytes, context: bytes) -> bool:
    with pytest.raises(S3Error) as caught:
        sealer.open(sealed, context)
    return caught.value.code == "InvalidArgument"


@given(st.binary(max_size=3000), st.binary(max_size=100))
def test_every_process_with_the_same_secret_opens_it(token: bytes, context: bytes) -> None:
    sealed = SEALER.seal(token, context)
    assert sealed.decode().replace("-", "a").replace("_", "a").isalnum()
    assert TokenSealer(SECRET).open(sealed, context) == token


@pytest.mark.rule("L10", "S18")
def test_a_sealed_token_shows_no_backend_name() -> None:
    sealed = SEALER.seal(b"tenants/acme/secret-key", b"bucket\0")
    raw = base64.urlsafe_b64decode(sealed + b"=" * (-len(sealed) % 4))
    assert b"tenants" not in raw
    assert b"acme" not in sealed


def test_the_same_token_has_the_same_form_in_every_process_and_no_other_context() -> None:
    """An upload has one id, however often and by whomever it is listed."""
    sealed = SEALER.seal(b"upload", b"bucket\0key")
    assert TokenSealer(SECRET).seal(b"upload", b"bucket\0key") == sealed
    assert TokenSealer(OTHER, SECRET).seal(b"upload", b"bucket\0key") != sealed
    for token, context in ((b"upload", b"bucket\0kez"), (b"uploae", b"bucket\0key")):
        # Nothing but the version and the key's id is alike.
        assert SEALER.seal(token, context)[12:24] != sealed[12:24]


def test_it_opens_only_in_the_context_it_was_made_for() -> None:
    sealed = SEALER.seal(b"token", b"bucket\0data/")
    assert refused(SEALER, sealed, b"bucket\0")
    assert refused(SEALER, sealed, b"other\0data/")
    assert refused(TokenSealer(OTHER), sealed, b"bucket\0data/")


def test_every_changed_character_is_noticed() -> None:
    sealed = SEALER.seal(b"token", b"context")
    for at, byte in enumerate(sealed):
        for replaced in b"A", b"_", b"=", b"+", b" ":
            changed = sealed[:at] + replaced + sealed[at + 1 :]
            if byte != replaced[0]:
                assert refused(SEALER, changed, b"context")


@pytest.mark.parametrize(
    "invented",
    [b"", b"A", b"AAAA", b"AQ", b"\xff", b"key/of/a/backend", b"A" * 60, b"AQ" + b"A" * 200, b"=="],
)
def test_inventions_of_clients_are_refused(invented: bytes) -> None:
    assert refused(SEALER, invented, b"")


def test_every_truncation_is_refused() -> None:
    sealed = SEALER.seal(b"token", b"")
    for end in range(len(sealed)):
        assert refused(SEALER, sealed[:end], b"")


# Of what S26 and F28 are about, this is the part that has no token of a session in it.
@pytest.mark.rule("S26", "F28", partial=True)
def test_a_replaced_secret_still_opens_what_it_sealed() -> None:
    old = SEALER.seal(b"token", b"context")
    rotated = TokenSealer(OTHER, SECRET)
    assert rotated.open(old, b"context") == b"token"
    assert refused(SEALER, rotated.seal(b"token", b"context"), b"context")
    assert TokenSealer(OTHER).open(rotated.seal(b"t", b"c"), b"c") == b"t"


def test_configurations_with_equal_secrets_agree_whatever_their_order() -> None:
    one = TokenSealer.from_secrets(["first-secret", "second-secret"])
    two = TokenSealer.from_secrets(["second-secret", "first-secret"])
    assert two.open(one.seal(b"token", b"c"), b"c") == b"token"
    moved = TokenSealer.from_secrets(["first-secretsecond", "-secret"])
    assert refused(moved, one.seal(b"token", b"c"), b"c")


@pytest.mark.rule("L10")
def test_weak_secrets_are_refused_and_none_is_shown() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        TokenSealer(b"short")
    with pytest.raises(ValueError, match="no secret"):
        TokenSealer.from_secrets(["short", ""])
    assert "secret of" not in repr(SEALER)
