"""aws-chunked: the native kernel says what the readable one says, piece by piece."""

import itertools
import random
from types import ModuleType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import answer, both, needs_native
from oracle.mutations import mutated
from support.chunked import Chain, frame, signing

pytestmark = needs_native

CRC = (b"x-amz-checksum-crc32", b"DUoRhQ==")
#: (decoded length, declared trailers, signed, body)
SAMPLES: list[tuple[int, list[bytes] | None, bool, bytes]] = [
    (11, [], False, frame([b"hello ", b"world"])),
    (11, [CRC[0]], False, frame([b"hello ", b"world"], [CRC])),
    (5, [CRC[0], b"a"], False, frame([b"hello"], [CRC, (b"a", b"b")], line_end=b"\n")),
    (11, None, True, frame([b"hello ", b"world"], None, Chain())),
    (11, [CRC[0]], True, frame([b"hello ", b"world"], [CRC], Chain())),
    (5, [CRC[0]], True, frame([b"hello"], [CRC], Chain(), line_end=b"\n")),
    (8192 + 5, [CRC[0]], True, frame([b"x" * 8192, b"hello"], [CRC], Chain())),
    (0, [b"a"], False, frame([], [(b"a", b"b" * 1017)])),
    (0, [b"a"], False, frame([], [(b"a", b"b" * 1018)])),
]


def reading(
    length: int,
    trailers: list[bytes] | None,
    signed: bool,
    parts: list[bytes],
    min_chunk: int = 8192,
) -> Any:
    """Every answer on the way, errors included, and the state after each."""

    def compare(kernel: ModuleType) -> Any:
        options = signing(kernel) if signed else {}
        decoder = kernel.ChunkedDecoder(length, trailers, min_chunk=min_chunk, **options)
        said = []
        for part in parts:
            spans = answer(decoder.feed, part)
            if isinstance(spans, list):
                spans = [bytes(span) for span in spans]
            said.append((spans, decoder.decoded if isinstance(spans, list) else None))
            said.append((decoder.finished, dict(decoder.trailers)))
        said.append(answer(decoder.close))
        return said

    return both(compare)


def cut(body: bytes, dice: random.Random) -> list[bytes]:
    edges = sorted(
        {0, len(body), *(dice.randrange(len(body) + 1) for _ in range(dice.randrange(5)))}
    )
    return [body[a:b] for a, b in itertools.pairwise(edges)]


def test_samples_at_every_byte() -> None:
    for length, trailers, signed, body in SAMPLES:
        for min_chunk in (0, 8192):
            for parts in ([body], [body[i : i + 1] for i in range(len(body))]):
                reading(length, trailers, signed, parts, min_chunk)
        reading(length + 1, trailers, signed, [body])
        reading(length, None, signed, [body])


def test_mutated_bodies() -> None:
    dice = random.Random(11)
    finished = 0
    for length, trailers, signed, sample in SAMPLES:
        for body in mutated([sample], 200, seed=length):
            said = reading(length, trailers, signed, cut(body, dice), dice.choice((0, 8192)))
            finished += said[-1] is None
    assert finished > 50  # some mutations leave a body good, or are undone


ATOMS = st.sampled_from(
    [b"5", b"0", b"B", b"b", b"f" * 16, b"\r\n", b"\n", b"\r", b"hello", b" world", b":", b"a",
     b"a:b", b"a:b\n", b";chunk-signature=", b"0" * 64, b"x-amz-trailer-signature:", b" "]
)  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(ATOMS, max_size=12),
    st.sampled_from([0, 5, 11]),
    st.sampled_from([None, [], [b"a"]]),
    st.booleans(),
    st.integers(1, 9),
)
def test_generated_bodies(
    atoms: list[bytes], length: int, trailers: list[bytes] | None, signed: bool, step: int
) -> None:
    body = b"".join(atoms)
    reading(
        length, trailers, signed, [body[i : i + step] for i in range(0, len(body), step)], step - 1
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.integers(0, 20_000),
    st.lists(st.integers(0, 10_000), max_size=5),
    st.sampled_from([None, [], [(b"a", 3)], [(b"A-b", 3), (b"c", 1)], [(b"a b", 1)]]),
    st.sampled_from([[], [b"abc"], [b"abc", b"d"], [b"a\r\n"]]),
    st.booleans(),
)
def test_writing(
    length: int, sizes: list[int], trailers: Any, values: list[bytes], signed: bool
) -> None:
    def compare(kernel: ModuleType) -> Any:
        options = signing(kernel) if signed else {}
        encoder = answer(
            lambda: kernel.ChunkedEncoder(length, trailers, chunk_size=8192, **options)
        )
        if isinstance(encoder, tuple):
            return encoder
        said: list[Any] = [encoder.content_length]
        for size in sizes:
            pieces = answer(encoder.feed, b"x" * size)
            said.append(b"".join(pieces) if isinstance(pieces, list) else pieces)
        said.append(answer(encoder.finish, values))
        said.append(answer(encoder.finish, values))
        return said

    both(compare)
