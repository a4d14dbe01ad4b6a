"""``multistore healthcheck`` asks what is listened on, and believes only an HTTP answer."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from multistore.cli import main
from support.certificates import Authority


@contextmanager
def answering(answer: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A listener that gives one answer; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def ask(folder: Path, listen: str, *flags: str) -> tuple[int, str]:
    file = folder / "config.toml"
    file.write_text(f'[server]\nlisten = ["{listen}"]\n', "utf-8")
    result = CliRunner().invoke(main, ["healthcheck", "--config", str(file), *flags])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("status", "code"), [("200 OK", 0), ("403 Forbidden", 0), ("503 Slow Down", 1)]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_status_decides(tmp_path: Path, host: str, status: str, code: int) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(answer) as port:
        assert ask(tmp_path, f"{host}:{port}") == (code, f"HTTP {status[:3]}\n")


def test_the_flag_goes_before_the_file(tmp_path: Path) -> None:
    with answering(b"HTTP/1.1 204 No Content\r\n\r\n") as port:
        assert ask(tmp_path, "127.0.0.1:1", "--listen", f"127.0.0.1:{port}")[0] == 0


def test_no_listener(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, output = ask(tmp_path, f"127.0.0.1:{port}")
    assert code == 1
    assert f"127.0.0.1 port {port} does not answer" in output


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n"])
def test_no_http(tmp_path: Path, answer: bytes) -> None:
    with answering(answer) as port:
        assert ask(tmp_path, f"127.0.0.1:{port}", "--timeout", "1")[0] == 1


def test_tls_as_serve_has_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    context = authority.server_context("s3.test")  # whatever clients call it
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", context) as port:
        assert ask(tmp_path, f"127.0.0.1:{port}", "--tls-cert", "any.pem") == (0, "HTTP 200\n")


def test_a_listener_that_is_no_address(tmp_path: Path) -> None:
    assert ask(tmp_path, "127.0.0.1:1", "--listen", "nonsense")[0] == 2
