# The types are those of the contract, ``multistore/wire/__init__.pyi``.

from multistore.wire import write_request_head as write_request_head
from multistore.wire import write_response_head as write_response_head
