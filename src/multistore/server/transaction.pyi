from multistore.errors import S3Error
from multistore.gateway.plan import Respond
from multistore.server.exchange import Exchange

class Transaction(Exchange):
    def on_job_done(self, result: Respond | S3Error) -> None: ...
