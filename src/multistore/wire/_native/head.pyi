# The types are those of the contract, ``multistore/wire/__init__.pyi``.

from multistore.wire import BAD as BAD
from multistore.wire import MORE as MORE
from multistore.wire import ORDINARY as ORDINARY
from multistore.wire import OTHER as OTHER
from multistore.wire import RequestHead as RequestHead
from multistore.wire import ResponseHead as ResponseHead
from multistore.wire import scan_request as scan_request
from multistore.wire import scan_response as scan_response
