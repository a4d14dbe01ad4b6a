"""The CRCs of S3, a byte at a time ("Catalogue of parametrised CRC algorithms")."""

from __future__ import annotations

import zlib

__all__ = ["Crc"]


def _table(polynomial: int) -> list[int]:
    """What each value of a byte leaves in the register. ``polynomial`` has its lowest power in
    the highest bit."""
    table = list(range(256))
    for _ in range(8):
        table = [(crc >> 1) ^ (polynomial if crc & 1 else 0) for crc in table]
    return table


_SIZES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8}
#: CRC-32/ISCSI and CRC-64/NVME. Both begin with ones and end complemented. CRC-32 is zlib's.
_TABLES = {"crc32c": _table(0x82F63B78), "crc64nvme": _table(0x9A6C9329AC4BC9B5)}


class Crc:
    __slots__ = ("_value", "digest_size", "name")

    def __init__(self, name: str) -> None:
        if name not in _SIZES:
            raise ValueError(f"no CRC of S3: {name}")
        self.name = name
        self.digest_size = _SIZES[name]
        self._value = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        if self.name == "crc32":
            self._value = zlib.crc32(data, self._value)
            return
        table = _TABLES[self.name]
        ones = (1 << (8 * self.digest_size)) - 1
        crc = self._value ^ ones
        for byte in memoryview(data).cast("B"):
            crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
        self._value = crc ^ ones

    def digest(self) -> bytes:
        return self._value.to_bytes(self.digest_size, "big")
