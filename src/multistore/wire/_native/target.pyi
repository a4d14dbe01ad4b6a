# The types are those of the contract, ``multistore/wire/__init__.pyi``.

from multistore.wire import Target as Target
from multistore.wire import parse_target as parse_target
