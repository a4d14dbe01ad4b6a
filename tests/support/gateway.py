"""The gateway as a process, started the way an operator starts it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from support.ports import free_ports
from support.processes import Process, listens
from support.raw import Connection

__all__ = ["Gateway", "clean_environment"]

ROOT = Path(__file__).parents[2]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what points clients elsewhere: AWS settings, proxies, and CA
    bundles, which some clients refuse to start with. The choice of kernel stays."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name == "MULTISTORE_PURE"
        or (
            not name.startswith(("AWS_", "MULTISTORE_", "CURL_CA", "REQUESTS_CA"))
            and not name.lower().endswith("_proxy")
        )
    }
    # Never look for credentials at the address of a cloud's metadata service.
    env["AWS_EC2_METADATA_DISABLED"] = "true"
    env.update(extra or {})
    return env


class Gateway:
    """``python -m multistore serve`` on a free port; use it as a context manager.

    Leaving it sends SIGTERM and demands exit status 0 and a log without a traceback.
    """

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        arguments: Sequence[str] = (),
        listen: str | None = None,
        env: Mapping[str, str] | None = None,
        drain: float = 10.0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "multistore.toml"
        self.config.write_text(config, encoding="utf-8")
        self.port = free_ports(1)[0]
        self.host = "127.0.0.1"
        self.drain = drain
        self._checked = 0
        address = (listen or "127.0.0.1:{port}").format(port=self.port)
        if address.startswith("["):
            self.host = address[1 : address.index("]")]
        command = [sys.executable, "-m", "multistore", "serve", "--config", str(self.config)]
        command += ["--listen", address, *arguments]
        path = os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
        environment = clean_environment({"PYTHONPATH": path, **(env or {})})
        self.process = Process(command, folder / "gateway.log", environment)
        self.process.wait_ready(lambda: listens(self.port, self.host), 20)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"http://{self.authority}"

    @property
    def log(self) -> str:
        return self.process.text

    def connect(self, **options: object) -> Connection:
        return Connection(self.port, host=self.host, **options)  # type: ignore[arg-type]

    def stop(self) -> None:
        status = self.process.terminate(self.drain)
        self.process.close()
        assert status == 0, f"exit status {status}:\n{self.log[-4000:]}"
        self.check_log()

    def check_log(self) -> None:
        """Raises: AssertionError for a traceback since the last call, with its text."""
        text = self.log
        seen, self._checked = self._checked, len(text)
        start = text.find("Traceback", seen)
        assert start < 0, text[start : start + 2000]

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self.process.kill()
