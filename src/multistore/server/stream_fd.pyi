import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable

from multistore.server.stream import Owner, Stream

class Poller:
    def __init__(self, loop: AbstractEventLoop) -> None: ...
    def close(self) -> None: ...

class FdStream(Stream):
    def __init__(self, owner: Owner, poller: Poller, fd: int, peer: str) -> None: ...

def open_stream(owner: Owner, poller: Poller, sock: socket.socket) -> None: ...

class Listener:
    def __init__(
        self, poller: Poller, sock: socket.socket, make: Callable[[], Owner]
    ) -> None: ...
    def close(self) -> None: ...
