# The types are those of the contract, ``multistore/wire/__init__.pyi``.

from multistore.wire import percent_decode as percent_decode
from multistore.wire import percent_encode as percent_encode
