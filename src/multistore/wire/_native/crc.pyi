# The types are those of the contract, ``multistore/wire/__init__.pyi``.

from multistore.wire import Crc as Crc
