from typing import Self, final

from multistore.gateway.plan import Forward
from multistore.wire import RequestHead

@final
class Upload:
    def __new__(cls, plan: Forward, head: RequestHead) -> Self: ...
