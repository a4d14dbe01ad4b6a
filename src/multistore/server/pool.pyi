from multistore.limits import Limits, Timeouts
from multistore.server.dial import Dialer
from multistore.server.timers import Wheel
from multistore.server.upstream import Home
from multistore.types import Origin

class Pool(Home):
    total: int
    def __init__(self, origin: Origin, pools: Pools) -> None: ...
    def close(self) -> None: ...

class Pools:
    def __init__(
        self,
        dialer: Dialer,
        wheel: Wheel,
        limits: Limits,
        timeouts: Timeouts,
    ) -> None: ...
    def __len__(self) -> int: ...
    def close(self) -> None: ...
