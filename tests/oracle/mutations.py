"""Broken versions of real bytes, the same in every run."""

import random
from collections.abc import Iterator

#: Bytes that mean something to a parser of heads, targets or XML.
PIVOTS = b"\r\n :\t\0_,;/#?%&=+<>![]'\"-.0159aAzZ\x7f\x80\xff"


def mutated(samples: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """``count`` samples with one to three bytes flipped, replaced, inserted, deleted or doubled."""
    dice = random.Random(seed)
    for _ in range(count):
        data = bytearray(dice.choice(samples))
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(data)) if data else 0
            match dice.randrange(5):
                case 0 if data:
                    data[at] ^= 1 << dice.randrange(8)
                case 1 if data:
                    data[at] = dice.choice(PIVOTS)
                case 2 if data:
                    del data[at : at + dice.choice((1, 1, 2, 5))]
                case 3:
                    data[at:at] = data[at : at + dice.choice((1, 2, 8))]
                case _:
                    data.insert(at, dice.choice(PIVOTS))
        yield bytes(data)
