from multistore.gateway.engine import Engine
from multistore.limits import Limits, Timeouts
from multistore.server.jobs import Jobs
from multistore.server.pool import Pools
from multistore.server.protocol import Connection
from multistore.server.timers import Wheel

class Counters:
    connections: int
    refused_connections: int
    requests: int
    bytes_in: int
    bytes_out: int
    backend_faults: int
    retries: int
    def snapshot(self) -> dict[str, int]: ...

class Service:
    engine: Engine
    pools: Pools
    wheel: Wheel
    counters: Counters
    jobs: Jobs
    draining: bool
    def __init__(
        self,
        engine: Engine,
        pools: Pools,
        wheel: Wheel,
        limits: Limits,
        timeouts: Timeouts,
    ) -> None: ...
    def clients(self) -> list[Connection]: ...
