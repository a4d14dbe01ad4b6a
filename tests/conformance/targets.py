"""What the suites are run at: a real store, and the gateway before it with a pattern bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.configuration import EVERYTHING, bucket, credential
from support.gateway import Gateway
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store

__all__ = ["ALT", "MAIN", "Account", "Target", "targets"]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the store, and who the suites are told that it is."""

    credentials: Credentials
    id: str
    display_name: str
    email: str


#: Most tests are this user. Its keys are the store's for the gateway as well.
MAIN = Account(Credentials(STORE_KEY, STORE_SECRET), "testid", "M. Tester", "tester@example.com")
#: The stranger: another user of the store, and of the gateway.
ALT = Account(
    Credentials("AKALT000000000000001", "altSecret5Wq8Zn2Vb7Xk1Rm4Tc9Lf3PsGhDyJ"),
    "testalt",
    "A. Stranger",
    "stranger@example.com",
)


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint on loopback; both accounts sign with the same keys at each."""

    name: str
    port: int


def _identities() -> dict[str, object]:
    accounts = [
        {"id": each.id, "displayName": each.display_name, "emailAddress": each.email}
        for each in (MAIN, ALT)
    ]
    identities = [
        {
            "name": each.id,
            "account": account,
            "credentials": [
                {
                    "accessKey": each.credentials.access_key_id,
                    "secretKey": each.credentials.secret_access_key,
                }
            ],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        for each, account in zip((MAIN, ALT), accounts, strict=True)
    ]
    return {"identities": identities, "accounts": accounts}


def _configuration(store: Store) -> str:
    """Every bucket of the store under its own name, and all rights for both accounts."""
    text = bucket("*", store.endpoint, "{name}", entry={"bucket_operations": "forward"})
    for account in (MAIN, ALT):
        text += credential(account.credentials, account.id, [("*", (), EVERYTHING)])
    return text


@contextmanager
def targets(folder: Path) -> Iterator[tuple[Target, Target]]:
    """The store itself and the gateway before it, until the block ends."""
    store = Store(_identities())
    try:
        with Gateway(folder, _configuration(store)) as gateway:
            yield Target("straight", store.port), Target("through", gateway.port)
    finally:
        store.stop()
