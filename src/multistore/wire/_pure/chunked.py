"""aws-chunked: upload bodies signed in pieces, or with a checksum behind the data.

Reference: "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
Chunks (Chunked Upload)" and "... Including Trailing Headers", Amazon S3 API reference. The
decoder is the grammar written down once, as a generator that pauses where the input ends.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Generator, Iterable

from multistore.errors import S3Error
from multistore.limits import CHUNK_MIN
from multistore.wire._pure.sigv4 import SigningKey

__all__ = ["ChunkedDecoder", "ChunkedEncoder"]

#: Both kernels' bound for a length: far beyond S3's largest object.
_LENGTH_MAX = 1 << 62
_CHUNK_MAX = 1 << 30
_DIGITS_MAX = 16
_SECTION_MAX = 1024
_EXTENSION = b";chunk-signature="
_SIGNATURE_NAME = b"x-amz-trailer-signature"
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest().encode()
_HEX = b"0123456789abcdefABCDEF"
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_VALUE = re.compile(rb"[\t\x20-\x7E\x80-\xFF]+")  # RFC 9110 5.5

#: Steps of the grammar: they pause where the input ends.
_Bytes = Generator[None, None, bytes]
_Step = Generator[None, None, None]


def _check_length(length: int) -> int:
    if not 0 <= length <= _LENGTH_MAX:
        raise ValueError("the decoded length is out of range")
    return length


class _Chain:
    """Each signature covers the one before it; the first covers that of the head."""

    def __init__(self, key: SigningKey, amz_date: bytes, scope: bytes, seed: bytes) -> None:
        if len(seed) != 64:
            raise ValueError("the seed signature has 64 hexadecimal digits")
        self._key = key
        self._date_and_scope = (amz_date, scope)
        self._previous = seed

    def chunk(self, hashed: bytes) -> bytes:
        """``hashed`` is the SHA-256 of the chunk's data in hex."""
        return self._sign(b"AWS4-HMAC-SHA256-PAYLOAD", _EMPTY_SHA256, hashed)

    def trailer(self, lines: bytes) -> bytes:
        """``lines`` are ``name:value`` and LF for each."""
        return self._sign(b"AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(lines).hexdigest().encode())

    def _sign(self, algorithm: bytes, *hashes: bytes) -> bytes:
        text = b"\n".join((algorithm, *self._date_and_scope, self._previous, *hashes))
        self._previous = self._key.sign(text)
        return self._previous


# --- reading --------------------------------------------------------------------------------------


def _incomplete(what: str) -> S3Error:
    return S3Error("IncompleteBody", f"The request body terminated unexpectedly: {what}.")


def _bad_frame() -> S3Error:
    return _incomplete("it is not well-formed aws-chunked")


def _bad_trailer() -> S3Error:
    return S3Error(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our"
        " published schema.",
    )


def _bad_signature() -> S3Error:
    return S3Error(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided."
        " Check your key and signing method.",
    )


class ChunkedDecoder:
    __slots__ = (
        "_at",
        "_chain",
        "_declared",
        "_failure",
        "_input",
        "_left",
        "_min_chunk",
        "_reading",
        "_spans",
        "_trailing",
        "decoded",
        "finished",
        "trailers",
    )

    def __init__(
        self,
        decoded_length: int,
        trailers: Iterable[bytes] | None = None,
        *,
        key: SigningKey | None = None,
        amz_date: bytes = b"",
        scope: bytes = b"",
        seed: bytes = b"",
        min_chunk: int = CHUNK_MIN,
    ) -> None:
        self._left = _check_length(decoded_length)  # of what no chunk has announced yet
        self._declared = frozenset(trailers or ())
        self._trailing = trailers is not None
        self._chain = None if key is None else _Chain(key, amz_date, scope, seed)
        self._min_chunk = min_chunk
        self.decoded = 0
        self.finished = False
        self.trailers: dict[bytes, bytes] = {}
        self._input = memoryview(b"")
        self._at = 0
        self._spans: list[memoryview] = []
        self._failure: S3Error | None = None
        self._reading = self._read_body()

    def feed(self, data: bytes) -> list[memoryview]:
        self._check_failure()
        self._input, self._at, self._spans = memoryview(data), 0, []
        try:
            next(self._reading)
        except S3Error as error:
            self._failure = error
            self.finished = False
            raise
        return self._spans

    def close(self) -> None:
        self._check_failure()
        if not self.finished:
            raise _incomplete("its last chunk or trailer is missing")

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    # The grammar.

    def _read_body(self) -> _Step:
        count = before = 0
        while True:
            size, terminator = yield from self._read_size()
            count += 1
            if size > 0 and count > 1 and before < self._min_chunk:  # S3 asks for this first
                raise S3Error(
                    "InvalidChunkSizeError",
                    "Only the last chunk is allowed to have a size less than 8192 bytes",
                    fields=(("Chunk", str(count)), ("BadChunkSize", str(before))),
                )
            if size > self._left or (size == 0 and self._left > 0):
                raise _incomplete("its chunks do not add up to x-amz-decoded-content-length")
            self._left -= size
            signature = b""
            if self._chain is not None:
                yield from self._expect(_EXTENSION[1:])
                signature = yield from self._read_signature()
                terminator = yield from self._read_byte()
            if terminator != b"\r":
                raise _bad_frame()
            yield from self._expect(b"\n")
            yield from self._read_data(size, signature)
            if size == 0:
                break
            yield from self._expect(b"\r\n")
            before = size
        bare = yield from self._read_trailers()
        self.finished = True
        if bare:  # another empty line may follow, and then nothing
            yield from self._expect(b"\r\n")
            self.finished = True
        yield from self._read_byte()
        raise _incomplete("bytes follow its end")

    def _read_size(self) -> Generator[None, None, tuple[int, bytes]]:
        """The size, and the byte behind it: CR, or the semicolon of a signature."""
        digits = b""
        while True:
            byte = yield from self._read_byte()
            if byte not in _HEX:
                break
            digits += byte
            if len(digits) > _DIGITS_MAX:
                raise _bad_frame()
        if not digits or byte != (b"\r" if self._chain is None else b";"):
            raise _bad_frame()
        return int(digits, 16), byte

    def _read_data(self, size: int, signature: bytes) -> _Step:
        """The data of one chunk; the span that ends it comes out once its signature held."""
        running = hashlib.sha256()
        if size == 0:
            self._check_chunk(running.hexdigest().encode(), signature)
        while size > 0:
            while self._at == len(self._input):
                yield
            span = self._input[self._at : self._at + size]
            self._at += len(span)
            size -= len(span)
            if self._chain is not None:
                running.update(span)
            if size == 0:
                self._check_chunk(running.hexdigest().encode(), signature)
            self.decoded += len(span)
            self._spans.append(span)

    def _check_chunk(self, hashed: bytes, signature: bytes) -> None:
        if self._chain is None:
            return
        if not hmac.compare_digest(self._chain.chunk(hashed), signature):
            raise _bad_signature()

    def _read_trailers(self) -> Generator[None, None, bool]:
        """The section to its empty line; whether the line before that ended in LF alone."""
        signed = self._chain is not None and self._trailing
        vouched = False
        lines = b""  # as they are signed
        bare = False
        room = _SECTION_MAX
        while True:
            line = yield from self._read_line(room)
            room -= len(line)
            if line == b"\n":
                raise _bad_frame()
            if line == b"\r\n":
                if not signed or vouched:
                    break
                if not bare:
                    raise _bad_trailer()
                bare = False  # minio-go: the signature comes now
                continue
            bare = not line.endswith(b"\r\n")
            name, colon, value = line[: -1 if bare else -2].partition(b":")
            name, value = name.lower(), value.strip(b" \t")
            if not self._trailing or vouched or not colon:
                raise _bad_trailer()
            if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
                raise _bad_trailer()
            if signed and name == _SIGNATURE_NAME:
                self._check_trailers(lines, value)
                vouched = True
                continue
            lines += name + b":" + value + b"\n"
            if name not in self._declared or name in self.trailers:
                raise _bad_trailer()
            self.trailers[name] = value
        if len(self.trailers) != len(self._declared):
            raise _bad_trailer()
        return bare

    def _check_trailers(self, lines: bytes, signature: bytes) -> None:
        assert self._chain is not None
        if len(signature) != 64:
            raise _bad_trailer()
        if not hmac.compare_digest(self._chain.trailer(lines), signature):
            raise _bad_signature()

    # Bytes.

    def _read_byte(self) -> _Bytes:
        while self._at == len(self._input):
            yield
        self._at += 1
        return bytes(self._input[self._at - 1 : self._at])

    def _expect(self, expected: bytes) -> _Step:
        for byte in expected:
            got = yield from self._read_byte()
            self.finished = False
            if got[0] != byte:
                raise _bad_frame()

    def _read_signature(self) -> _Bytes:
        """Taken as it comes: what is none equals none, and 64 bytes are few."""
        signature = b""
        while len(signature) < 64:
            signature += yield from self._read_byte()
        return signature

    def _read_line(self, room: int) -> _Bytes:
        """A line with its LF, of ``room`` bytes at most."""
        line = b""
        while not line.endswith(b"\n"):
            byte = yield from self._read_byte()
            line += byte
            if len(line) > room:
                raise _bad_trailer()
        return line


# --- writing --------------------------------------------------------------------------------------


def _internal(message: str) -> S3Error:
    return S3Error("InternalError", message)


class ChunkedEncoder:
    __slots__ = (
        "_chain",
        "_chunk_size",
        "_crlf",
        "_ended",
        "_held",
        "_left",
        "_rest",
        "_trailers",
        "content_length",
    )

    def __init__(
        self,
        decoded_length: int,
        trailers: Iterable[tuple[bytes, int]] | None = None,
        *,
        chunk_size: int = 65536,
        key: SigningKey | None = None,
        amz_date: bytes = b"",
        scope: bytes = b"",
        seed: bytes = b"",
    ) -> None:
        self._left = _check_length(decoded_length)  # of what has not come yet
        if not CHUNK_MIN <= chunk_size <= _CHUNK_MAX:
            raise ValueError(f"a chunk has {CHUNK_MIN} bytes to 1 GiB")
        self._chunk_size = chunk_size
        self._trailers = None
        if trailers is not None:
            self._trailers = [(name.lower(), size) for name, size in trailers]
            if not all(_TOKEN.fullmatch(name) for name, _ in self._trailers):
                raise _internal("A trailer's name is no token.")
        self._chain = None if key is None else _Chain(key, amz_date, scope, seed)
        self._rest = 0  # to come in the chunk that was begun
        self._held = bytearray()  # of a chunk to be signed
        self._crlf = b""  # what ends the chunk before
        self._ended = False
        self.content_length = self._framed_length(decoded_length)

    def _framed_length(self, length: int) -> int:
        whole, rest = divmod(length, self._chunk_size)
        extension = 0 if self._chain is None else len(_EXTENSION) + 64

        def framed(size: int) -> int:
            return len(f"{size:x}") + extension + 2 + size + 2

        total = whole * framed(self._chunk_size) + (framed(rest) if rest else 0) + framed(0)
        for name, size in self._trailers or ():
            total += len(name) + 1 + size + 2
        if self._chain is not None and self._trailers is not None:
            total += len(_SIGNATURE_NAME) + 1 + 64 + 2
        return total

    def feed(self, data: bytes) -> list[bytes | memoryview]:
        rest = memoryview(data)
        if len(rest) > self._left:
            raise _internal("More data than the body was to have.")
        pieces: list[bytes | memoryview] = []
        while rest:
            if self._chain is None:
                if self._rest == 0:
                    self._rest = min(self._chunk_size, self._left)
                    pieces.append(self._head(self._rest, b""))
                span = rest[: self._rest]
                self._rest -= len(span)
                pieces.append(span)
            else:
                size = min(self._chunk_size, self._left + len(self._held))
                span = rest[: size - len(self._held)]
                self._held += span
                if len(self._held) == size:
                    chunk = bytes(self._held)
                    self._held.clear()
                    pieces += [self._head(size, chunk), chunk]
            self._left -= len(span)
            rest = rest[len(span) :]
        return pieces

    def finish(self, values: Iterable[bytes] = ()) -> bytes:
        if self._left or self._held:
            raise _internal("Less data than the body was to have.")
        if self._ended:
            raise _internal("The body has ended already.")
        given = tuple(values)
        announced = self._trailers or []
        if len(given) != len(announced):
            raise _internal("Other trailers than the body was to have.")
        fields = []
        for (name, size), value in zip(announced, given, strict=True):
            if len(value) != size or not _VALUE.fullmatch(value):
                raise _internal("A trailer's value is not as it was announced.")
            fields.append(name + b":" + value)
        self._ended = True
        end = self._head(0, b"") + b"".join(field + b"\r\n" for field in fields)
        if self._chain is not None and self._trailers is not None:
            signature = self._chain.trailer(b"".join(field + b"\n" for field in fields))
            end += _SIGNATURE_NAME + b":" + signature + b"\r\n"
        return end + b"\r\n"

    def _head(self, size: int, chunk: bytes) -> bytes:
        """The header of a chunk, behind the CRLF of the chunk before."""
        head = self._crlf + b"%x" % size
        self._crlf = b"\r\n"
        if self._chain is not None:
            head += _EXTENSION + self._chain.chunk(hashlib.sha256(chunk).hexdigest().encode())
        return head + b"\r\n"
