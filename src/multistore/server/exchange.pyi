from multistore.gateway.plan import Forward
from multistore.gateway.request import GatewayRequest
from multistore.server.client import Client
from multistore.server.upstream import Call

class Exchange(Call):
    def __init__(self, client: Client, request: GatewayRequest, plan: Forward) -> None: ...
