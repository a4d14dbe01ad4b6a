"""``multistore demo``: a real S3 store and the gateway before it, on this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from multistore.cli.instructions import Ready
from multistore.cli.logs import configure_logging
from multistore.cli.options import CONTEXT
from multistore.cli.process import ENDING, harden
from multistore.cli.s3client import S3Client, StoreAddress
from multistore.cli.samples import PRIVATE_BUCKET, PUBLIC_BUCKET, upload_samples
from multistore.cli.store import SeaweedFS, StoreError
from multistore.config.checks import check
from multistore.config.findings import Findings
from multistore.config.model import Document
from multistore.config.names import parse_listen
from multistore.config.secret_rules import weakness

if TYPE_CHECKING:
    from multistore.server.worker import Server

__all__ = ["demo"]

_HOST = "127.0.0.1"
_PORTS = range(8080, 8180)
_COMMAND_SECONDS = 5.0  # that a command gets to end after a signal


@click.command(context_settings={**CONTEXT, "allow_interspersed_args": False})
@click.option("--listen", metavar="HOST:PORT", help="[default: 127.0.0.1:8080 or the next free]")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the store's data, kept.  [default: a temporary one, removed]",
)
@click.option(
    "--store",
    metavar="URL",
    help="An S3 store of yours instead, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
    "AWS_SESSION_TOKEN and AWS_REGION from the environment.",
)
@click.option("--access-key-id", help="Key for clients.  [default: random]", show_default=False)
@click.option("--secret-access-key", help="Its secret.  [default: random]", show_default=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line when ready.")
@click.option("--log-level", default="warning", metavar="LEVELS")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def demo(
    context: click.Context,
    listen: str | None,
    data: Path | None,
    store: str | None,
    access_key_id: str | None,
    secret_access_key: str | None,
    as_json: bool,
    log_level: str,
    command: tuple[str, ...],
) -> None:
    """Starts SeaweedFS, puts a few objects into two buckets, and serves them.

    With a COMMAND (after --), runs it with the AWS variables set, and ends with its status:

        multistore demo -- aws s3 ls s3://public-data/
    """
    harden()
    try:
        configure_logging(log_level)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--log-level") from None
    gateway = StoreAddress(
        "",
        "us-east-1",
        access_key_id or "AK" + secrets.token_hex(9).upper(),
        secret_access_key or secrets.token_urlsafe(30),
    )
    _check_usage(gateway, listen)
    _exit_on_signals()
    run = _Demo(gateway, listen, as_json, command)
    try:
        if store is not None:
            status = run.before(_store_from_environment(store), None)
        else:
            with _seaweedfs(data) as seaweedfs:
                status = run.before(seaweedfs.address, seaweedfs)
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    context.exit(status)


class _Demo:
    """The gateway of one demo, and what runs beside it."""

    def __init__(
        self, gateway: StoreAddress, listen: str | None, as_json: bool, command: tuple[str, ...]
    ) -> None:
        self._gateway = gateway
        self._listen = [listen] if listen else [f"{_HOST}:{port}" for port in _PORTS]
        self._as_json = as_json
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._status = 0
        self._error: str | None = None

    def before(self, store: StoreAddress, process: SeaweedFS | None) -> int:
        """Serves until a signal, the end of the command, or the end of the store; the exit
        status. Raises: StoreError, click.ClickException."""
        document = _make_document(self._gateway, store, self._listen[0], ours=process is not None)
        upload_samples(S3Client(store))
        try:
            self._serve(document, store, process)
        finally:
            # From here on nothing may interrupt: what is left to do takes seconds.
            _ignore_signals()
            self._end_command()
        if self._error is not None:
            raise StoreError(self._error)
        return self._status

    def _serve(self, document: Document, store: StoreAddress, process: SeaweedFS | None) -> None:
        from multistore.app import make_server

        def on_ready(server: Server) -> None:
            self._on_ready(server, store, process)

        for listen in self._listen:
            document.server.listen = [listen]
            try:
                make_server(document).run(on_ready)
                return
            except OSError as error:
                if error.errno != errno.EADDRINUSE or listen == self._listen[-1]:
                    raise click.ClickException(f"cannot listen on {listen}: {error}") from None

    def _on_ready(self, server: Server, store: StoreAddress, process: SeaweedFS | None) -> None:
        host, port = server.addresses[0]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        gateway = StoreAddress(
            url,
            self._gateway.region,
            self._gateway.access_key_id,
            self._gateway.secret_access_key,
        )
        ready = Ready(gateway, store, ours=process is not None)
        if self._as_json:
            click.echo(ready.as_json())
        elif not self._command:
            click.echo(ready.as_text())
        if process is not None:
            threading.Thread(target=self._watch, args=(server, process), daemon=True).start()
        if self._command:
            try:
                self._child = subprocess.Popen(  # noqa: S603 -- the user's own command
                    self._command, env=ready.environment(os.environ)
                )
            except OSError as error:
                # What a shell answers: 127 for a command that is not there, else 126.
                self._status = 127 if isinstance(error, FileNotFoundError) else 126
                click.echo(f"{self._command[0]}: {error.strerror}", err=True)
                server.stop()
                return
            threading.Thread(target=self._follow, args=(server,), daemon=True).start()

    def _watch(self, server: Server, process: SeaweedFS) -> None:
        status = process.wait()
        self._error = f"the store ended ({status}); the end of its log:\n{process.tail()}"
        with contextlib.suppress(RuntimeError):  # the gateway has ended already
            server.stop()

    def _follow(self, server: Server) -> None:
        assert self._child is not None
        status = self._child.wait()
        self._status = status if status >= 0 else 128 - status
        with contextlib.suppress(RuntimeError):
            server.stop()

    def _end_command(self) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            status = child.wait(_COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            status = child.wait()
        self._status = status if status >= 0 else 128 - status


@contextlib.contextmanager
def _seaweedfs(data: Path | None) -> Iterator[SeaweedFS]:
    with tempfile.TemporaryDirectory(
        prefix="multistore-demo-", ignore_cleanup_errors=True
    ) as scratch:
        folder = Path(scratch) / "data" if data is None else data.absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"--data {folder}: {error.strerror}") from None
        seaweedfs = SeaweedFS(folder, Path(scratch))
        try:
            seaweedfs.start()
            yield seaweedfs
        finally:
            _ignore_signals()
            seaweedfs.stop(clean=data is not None)


def _check_usage(gateway: StoreAddress, listen: str | None) -> None:
    """What is wrong is said before a store is started. Raises: click.UsageError."""
    if fault := weakness(gateway.secret_access_key, gateway.access_key_id):
        raise click.BadParameter(fault, param_hint="--secret-access-key")
    try:
        parse_listen(listen or f"{_HOST}:0")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from None


def _store_from_environment(url: str) -> StoreAddress:
    missing = [n for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not os.environ.get(n)]
    if missing:
        raise click.UsageError(f"--store needs {' and '.join(missing)} in the environment")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return StoreAddress(
        url.rstrip("/"),
        region or "us-east-1",
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ.get("AWS_SESSION_TOKEN", ""),
    )


def _make_document(
    gateway: StoreAddress, store: StoreAddress, listen: str, *, ours: bool
) -> Document:
    """The demo's configuration; ``ours``: the store is the one that was started here.

    Raises: click.UsageError for what cannot be used of it.
    """

    def bucket(name: str, anonymous: bool) -> dict[str, Any]:
        options = {
            "endpoint": store.url,
            "allow_http": True,
            "region": store.region,
            "bucket_name": name,
            "access_key_id": store.access_key_id,
            "secret_access_key": store.secret_access_key,
        }
        if store.session_token:
            options["token"] = store.session_token
        if ours:
            # SeaweedFS takes checksums behind the body, and keeps them (SEM-12).
            options["payload"] = "trailer"
        return {
            "name": name,
            "backend_type": "s3",
            "anonymous_access": anonymous,
            "backend_options": options,
            # SeaweedFS takes a//b for a/b, and so would overwrite it (D5).
            "double_slashes": not ours,
        }

    document = Document.model_validate(
        {
            "server": {"listen": [listen]},
            "buckets": [bucket(PUBLIC_BUCKET, True), bucket(PRIVATE_BUCKET, False)],
            "credentials": [
                {
                    "access_key_id": gateway.access_key_id,
                    "secret_access_key": gateway.secret_access_key,
                    "principal_name": "demo",
                    "allowed_scopes": [
                        {"bucket": name, "actions": ["*"]}
                        for name in (PUBLIC_BUCKET, PRIVATE_BUCKET)
                    ],
                }
            ],
        }
    )
    findings = Findings("demo")
    check(document, findings)
    faults = [f"{f.key}: {f.message}" for f in findings.items if f.fatal]
    if faults:
        raise click.UsageError("\n".join(faults))
    return document


def _exit_on_signals() -> None:
    """A signal that would end us raises SystemExit, so that everything is cleaned up. While the
    gateway runs it handles SIGTERM and SIGINT itself; a lost terminal becomes the first."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup(1) wants it
        signal.signal(signal.SIGHUP, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM))


def _ignore_signals() -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
