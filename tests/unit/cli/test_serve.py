"""``multistore serve`` as a process: flags, variables, files, exit statuses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.gateway import clean_environment

ROOT = Path(__file__).parents[3]
CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
[[buckets]]
name = "data"
backend_type = "s3"
[buckets.backend_options]
endpoint = "http://127.0.0.1:1"
bucket_name = "b"
[[credentials]]
access_key_id = "AK1"
secret_access_key = "canarySecret0123456789"
allowed_scopes = [{ bucket = "data", actions = ["read"] }]
"""


class Serve:
    """A process that either listens or ends."""

    def __init__(self, folder: Path, *arguments: str, **env: str) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
        environment = clean_environment(
            {"PYTHONPATH": path, "HOME": str(folder), "XDG_CONFIG_HOME": "", **env}
        )
        environment.pop("RUST_LOG", None)
        environment.update(env)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "multistore", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )

    def listening(self, count: int = 1) -> list[str]:
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().strip() for _ in range(count)]
        if not all(lines):
            pytest.fail(self.process.communicate()[1])
        return [line.removeprefix("listening on ") for line in lines]

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Exit status, and what stood on standard error."""
        if number is not None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=20)
        assert "canarySecret" not in err
        assert "Traceback" not in err
        return self.process.returncode, err


def write(folder: Path, text: str = CONFIG, name: str = "multistore.toml") -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def test_it_says_where_it_listens_and_ends_at_sigterm(tmp_path: Path) -> None:
    write(tmp_path)  # found without being named
    serve = Serve(tmp_path, "--log-level", "warning")
    host, port = serve.listening()[0].split(":")
    assert host == "127.0.0.1"
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
    assert serve.end(signal.SIGTERM) == (0, "")


def test_a_flag_goes_before_its_variable_and_that_before_the_file(tmp_path: Path) -> None:
    text = CONFIG.replace('"127.0.0.1:0"', '"no listener"')
    file = str(write(tmp_path, text, "any.toml"))
    serve = Serve(tmp_path, MULTISTORE_CONFIG=file, MULTISTORE_LISTEN="127.0.0.1:0 [::1]:0")
    addresses = serve.listening(2)
    assert [address.rpartition(":")[0] for address in addresses] == ["127.0.0.1", "[::1]"]
    assert serve.end(signal.SIGINT)[0] == 0

    serve = Serve(tmp_path, "--listen", "[::1]:0", "-c", file, MULTISTORE_LISTEN="nonsense")
    assert serve.listening()[0].startswith("[::1]:")
    assert serve.end(signal.SIGTERM)[0] == 0


def test_faults_end_with_2_and_are_all_said(tmp_path: Path) -> None:
    file = write(tmp_path, CONFIG.replace('"s3"', '"s4"') + "colour = 1\n")
    status, err = Serve(tmp_path, "--domain", "a.test", "--domain", "x.a.test").end()
    assert status == 2
    assert f"{file.name}:5: fault: buckets[0].backend_type" in err
    assert f"{file.name}:13: fault: credentials[0].colour: unknown key" in err
    assert '--domain: fault: server.domains[1]: overlaps "a.test"' in err


@pytest.mark.rule("L11", partial=True)
@pytest.mark.parametrize("broken", ["[[buckets]", CONFIG.replace('"s3"', '"s4"')])
def test_a_broken_file_does_not_touch_what_runs(tmp_path: Path, broken: str) -> None:
    """The part of the law that needs no reload: a second process takes no listener over."""
    write(tmp_path)
    serve = Serve(tmp_path)
    (address,) = serve.listening()
    write(tmp_path, broken)
    assert Serve(tmp_path, "--listen", address).end()[0] == 2
    host, port = address.split(":")
    for _ in range(4):
        with socket.create_connection((host, int(port)), 5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
    assert serve.end(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize("kind", ["az", "gcs"])
def test_stores_that_are_not_available_yet(tmp_path: Path, kind: str) -> None:
    write(tmp_path, CONFIG.replace('"s3"', f'"{kind}"'))
    status, err = Serve(tmp_path).end()
    assert status == 2
    assert f'backend type "{kind}" is not available yet' in err


def test_what_the_seed_let_pass_is_logged(tmp_path: Path) -> None:
    text = CONFIG.replace('bucket = "data"', 'bucket = "date"') + "colour = 1\n"
    write(tmp_path, text.replace('name = "b"', 'name = "b"\nuser_agent = "x"'))
    serve = Serve(tmp_path)
    serve.listening()
    status, err = serve.end(signal.SIGTERM)
    assert status == 0
    assert "WARNING multistore: multistore.toml:9: buckets[0].backend_options.user_agent: " in err
    assert "warning:" not in err
    assert "WARNING multistore: multistore.toml:14: fault: credentials[0].colour: unknown" in err
    assert 'no bucket is called "date" (did you mean data?)' in err


def test_variables_of_the_seed(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "key").write_text("canarySecret-of-the-provider\n", "utf-8")
    serve = Serve(
        tmp_path,
        SESSION_TOKEN_KEY="canarySecret-session-token-key",
        OIDC_PROVIDER_KEY_FILE=str(tmp_path / "key"),
        RUST_LOG="multistore=info",
    )
    serve.listening()
    status, err = serve.end(signal.SIGTERM)
    assert status == 0
    assert "SESSION_TOKEN_KEY seals continuation tokens" in err
    assert "OIDC_PROVIDER_KEY and OIDC_PROVIDER_ISSUER are not used" in err

    status, err = Serve(tmp_path, SESSION_TOKEN_KEY="too short").end()
    assert status == 2
    assert "at least 16 bytes" in err


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    write(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, err = Serve(tmp_path, "--listen", f"127.0.0.1:{port}").end()
    assert status == 1
    assert err.startswith("Error: cannot listen: ")


def test_no_configuration(tmp_path: Path) -> None:
    status, err = Serve(tmp_path).end()
    assert status == 2
    assert "name a file with --config" in err


@pytest.mark.rule("L10")
def test_secrets_stay_in_the_process(tmp_path: Path) -> None:
    write(tmp_path)
    serve = Serve(tmp_path)
    serve.listening()
    status = Path(f"/proc/{serve.process.pid}")
    # Not dumpable: /proc/PID belongs to root (proc(5)), and a core file has no size.
    limits = (status / "limits").read_text()
    assert next(li for li in limits.splitlines() if "core" in li).split()[4:6] == ["0", "0"]
    assert serve.end(signal.SIGTERM)[0] == 0
