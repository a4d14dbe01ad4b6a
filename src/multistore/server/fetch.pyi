from collections.abc import Callable

from multistore.errors import S3Error
from multistore.gateway.plan import Forward
from multistore.server.service import Service
from multistore.server.upstream import Call
from multistore.wire import ResponseHead

class Fetch(Call):
    head: ResponseHead | None
    fault: str | None
    error: S3Error | None
    over: bool
    moved: int
    def __init__(
        self,
        service: Service,
        plan: Forward,
        body: bytes,
        limit: int,
        done: Callable[[], object],
        *,
        opens: bool = False,
        source: Fetch | None = None,
    ) -> None: ...
    def start(self) -> None: ...
    def cancel(self, why: str) -> None: ...
    @property
    def connected(self) -> bool: ...
    @property
    def answer(self) -> bytes: ...
