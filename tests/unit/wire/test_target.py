"""Targets as S3 reads them, and percent-coding."""

from types import ModuleType

import pytest

from multistore.errors import S3Error
from multistore.limits import KEY_MAX


def raises(code: str, call: object, *args: object) -> None:
    with pytest.raises(S3Error) as caught:
        call(*args)  # type: ignore[operator]
    assert caught.value.code == code


@pytest.mark.rule("SEM-1", "S25")
@pytest.mark.parametrize(
    ("target", "bucket", "key"),
    [
        (b"/", "", b""),
        (b"//", "", b""),
        (b"/b", "b", b""),
        (b"/b/", "b", b""),
        (b"/b/k", "b", b"k"),
        (b"//b/k", "b", b"k"),
        (b"///b/k", "b", b"k"),
        (b"/b//k", "b", b"/k"),
        (b"/b/k//l/", "b", b"k//l/"),
        (b"/b/a%2Fb", "b", b"a/b"),
        (b"/b%2Fc/k", "b/c", b"k"),
        (b"/%62/k", "b", b"k"),
        (b"/b/a+b", "b", b"a+b"),
        (b"/b/a%20b%2B", "b", b"a b+"),
        (b"/b/%25%32%35", "b", b"%25"),
        (b"/b/%2525", "b", b"%25"),
        (b"/b/..%2f.", "b", b"../."),
        (b"/b/%C3%A9", "b", "é".encode()),
        (b"/b/%F0%9F%98%80", "b", "😀".encode()),
        (b"/b/%00%0A", "b", b"\0\n"),
        (b"/b/a?b/c", "b", b"a"),
        (b"/b?uploads", "b", b""),
    ],
)
def test_path_style(kernel: ModuleType, target: bytes, bucket: str, key: bytes) -> None:
    parsed = kernel.parse_target(target)
    assert (parsed.bucket, parsed.key) == (bucket, key)
    assert parsed.path == target.partition(b"?")[0]
    assert parsed.query == target.partition(b"?")[2]


@pytest.mark.rule("SEM-1")
@pytest.mark.parametrize(
    ("target", "key"),
    [(b"/", b""), (b"//", b"/"), (b"//k", b"/k"), (b"/a/b%2F", b"a/b/"), (b"/a?x", b"a")],
)
def test_virtual_hosted_style(kernel: ModuleType, target: bytes, key: bytes) -> None:
    parsed = kernel.parse_target(target, "bkt")
    assert (parsed.bucket, parsed.key) == ("bkt", key)


@pytest.mark.rule("SEM-1")
def test_parameters(kernel: ModuleType) -> None:
    query = b"uploads&a=&b=c=d&e%3D=%26f+g&&h=%2B&=i&+=j"
    params = kernel.parse_target(b"/b?" + query).params
    assert params == {
        "uploads": b"",
        "a": b"",
        "b": b"c=d",
        "e=": b"&f g",
        "h": b"+",
        "": b"i",
        " ": b"j",
    }
    assert kernel.parse_target(b"/b").params == kernel.parse_target(b"/b?").params == {}
    assert kernel.parse_target(b"/b?a?b").params == {"a?b": b""}


@pytest.mark.rule("SEM-7", "S2")
def test_repeated_parameters(kernel: ModuleType) -> None:
    target = kernel.parse_target(b"/?a=1&b=1&c=1&b=2&%61=2&b=3")
    assert target.repeated == ("b", "a")
    assert target.params == {"a": b"1", "b": b"1", "c": b"1"}
    assert kernel.parse_target(b"/?a&b").repeated == ()


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b"b/k",
        b"*",
        b"http://h/b",
        b"?a",
        b"/b#c",
        b"/b?c#d",
        b"/b/%",
        b"/b/%2",
        b"/b/%2G",
        b"/b/%%20",
        b"/b/% 1",
        b"/b/%+1",
        b"/%zz",
        b"/b?%",
        b"/b?a=%f",
        b"/%FF/k",
        b"/b/%FF",
        b"/b/%C3",
        b"/b/%C0%AF",  # overlong slash
        b"/b/%ED%A0%80",  # surrogate
        b"/b/%F4%90%80%80",  # above U+10FFFF
        b"/b?%FF",
        b"/b?a=%FF",
        b"/b/\xff",
    ],
)
def test_malformed_targets(kernel: ModuleType, target: bytes) -> None:
    raises("InvalidURI", kernel.parse_target, target)
    if target[:1] == b"/" and b"%FF/" not in target and target != b"/%zz":
        raises("InvalidURI", kernel.parse_target, target, "bkt")


def test_longest_key(kernel: ModuleType) -> None:
    assert len(kernel.parse_target(b"/b/" + b"k" * KEY_MAX).key) == KEY_MAX
    assert len(kernel.parse_target(b"/b/" + b"%6b" * KEY_MAX).key) == KEY_MAX
    raises("KeyTooLongError", kernel.parse_target, b"/b/" + b"k" * (KEY_MAX + 1))
    raises("KeyTooLongError", kernel.parse_target, b"/b/" + b"%C3%A9" * 513)


# --- percent-coding -------------------------------------------------------------------------------

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def test_percent_encode(kernel: ModuleType) -> None:
    for code in range(256):
        byte = bytes([code])
        expected = byte if byte in UNRESERVED else b"%%%02X" % code
        assert kernel.percent_encode(byte) == expected
        assert kernel.percent_encode(byte, True) == (b"/" if byte == b"/" else expected)
        assert kernel.percent_decode(expected) == byte
        assert kernel.percent_decode(expected.lower()) == byte.lower()


def test_nothing_to_encode_returns_the_same_object(kernel: ModuleType) -> None:
    assert kernel.percent_encode(UNRESERVED) is UNRESERVED
    path = b"a/b/" + UNRESERVED
    assert kernel.percent_encode(path, slash=True) is path
    assert kernel.percent_encode(b"") == b""


def test_percent_decode(kernel: ModuleType) -> None:
    assert kernel.percent_decode(b"a+b%2b%41%e9") == b"a+b+A\xe9"
    assert kernel.percent_decode(b"a+b%2b", plus=True) == b"a b+"
    assert kernel.percent_decode(b"%2541") == b"%41"
    for malformed in (b"%", b"a%1", b"%g0", b"%0g", b"%%41", b"%-1", b"%+1", b"% 1", b"%1"):
        raises("InvalidURI", kernel.percent_decode, malformed)
