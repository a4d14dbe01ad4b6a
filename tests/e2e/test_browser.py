"""A page of another origin in a real browser: what it may read, and what it is kept from."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.clients import Endpoint, s3_client
from support.configuration import bucket, standard
from support.gateway import Gateway, clean_environment
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")

#: The page reports what its script saw of each request to the server that it came from.
PAGE = """<!doctype html><title>page</title><script type="module">
const gateway = %(gateway)s;
async function see(path, options) {
  try {
    const response = await fetch(gateway + path, options);
    const names = ["etag", "content-range", "accept-ranges", "content-length", "last-modified",
      "x-amz-request-id", "x-amz-meta-colour", "x-amz-meta-hidden", "server"];
    const fields = Object.fromEntries(names.map((name) => [name, response.headers.get(name)]));
    return {status: response.status, body: await response.text(), fields};
  } catch (error) {
    return {error: error.name};
  }
}
const first = await see("/browser/k", {headers: {range: "bytes=2-5"}});
const seen = {
  range: first,
  // Not on the list of what browsers send unasked: a preflight comes first.
  conditional: await see("/browser/k", {headers:
    {range: "bytes=0-1", "if-match": first.fields.etag, "x-amz-checksum-mode": "ENABLED"}}),
  stale: await see("/browser/k", {headers: {"if-match": '"other"'}}),
  missing: await see("/browser/none"),
  refused: await see("/browser/k", {method: "PUT", body: "x", headers: {"x-amz-meta-a": "b"}}),
  method: await see("/browser/k", {method: "DELETE"}),
  closed: await see("/public-data/k"),
  preflighted: await see("/public-data/k", {headers: {"if-match": '"x"'}}),
  cookies: await see("/browser/k", {credentials: "include"}),
};
await fetch("/seen", {method: "POST", body: JSON.stringify(seen)});
</script>"""


class Site:
    """A web server of another origin, with one page that reports what it saw."""

    def __init__(self, page: str) -> None:
        seen: queue.Queue[Any] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(page.encode() if self.path == "/" else b"")

            def do_POST(self) -> None:
                seen.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.seen = seen
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def visit(site: Site, profile: Path) -> dict[str, Any]:
    """Opens the page until it has reported."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += ["--no-first-run", "--no-proxy-server", "--disable-background-networking"]
    command += ["--disable-component-update", f"--user-data-dir={profile}", site.url]
    profile.mkdir()
    with (profile / "log").open("wb") as log:
        environment = clean_environment({"HOME": str(profile)})
        # Its own session: a browser is many processes.
        browser = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            seen: dict[str, Any] = site.seen.get(timeout=90)
            return seen
        except queue.Empty:
            raise AssertionError((profile / "log").read_text(errors="replace")[-4000:]) from None
        finally:
            os.killpg(browser.pid, 9)
            browser.wait()


@pytest.fixture(scope="module")
def gateway_for_pages(store: Store, folder: Path) -> Iterator[Gateway]:
    rules = {
        "origins": ["http://127.0.0.1:*"],
        "methods": ["GET", "HEAD", "PUT"],
        "expose": ["x-amz-meta-colour"],
    }
    extra = bucket(
        *("browser", store.endpoint, "canary-public"),
        anonymous=True,
        prefix="browser/",
        entry={"cors": rules},
    )
    with Gateway(folder / "browser", standard(store.endpoint, extra=extra)) as running:
        yield running


@pytest.fixture(scope="module")
def seen(gateway_for_pages: Gateway, store: Store, tmp_path_factory: Any) -> dict[str, Any]:
    client = s3_client(Endpoint(store.endpoint, Credentials(STORE_KEY, STORE_SECRET)))
    metadata = {"colour": "blue", "hidden": "yes"}
    for key in ("browser/k", "k"):
        client.put_object(Bucket="canary-public", Key=key, Body=b"0123456789", Metadata=metadata)
    site = Site(PAGE % {"gateway": json.dumps(gateway_for_pages.endpoint)})
    try:
        return visit(site, tmp_path_factory.mktemp("browser") / "profile")
    finally:
        site.close()


def test_a_page_reads_a_range_with_its_fields(seen: dict[str, Any]) -> None:
    got = seen["range"]
    assert (got["status"], got["body"]) == (206, "2345")
    fields = got["fields"]
    assert fields["content-range"] == "bytes 2-5/10"
    assert fields["etag"] == '"781e5e245d69b566979b86e28d23f2c7"'
    assert fields["accept-ranges"] == "bytes"
    assert fields["content-length"] == "4"
    assert fields["last-modified"] and fields["x-amz-request-id"]
    assert fields["x-amz-meta-colour"] == "blue"
    assert fields["x-amz-meta-hidden"] is None
    assert fields["server"] is None


@pytest.mark.rule("SEM-25")
def test_a_page_may_send_what_needs_a_preflight(seen: dict[str, Any]) -> None:
    assert (seen["conditional"]["status"], seen["conditional"]["body"]) == (206, "01")


def test_a_page_reads_what_went_wrong(seen: dict[str, Any]) -> None:
    for name, status, code in [
        ("stale", 412, "PreconditionFailed"),
        ("missing", 404, "NoSuchKey"),
        ("refused", 403, "AccessDenied"),
    ]:
        assert seen[name]["status"] == status
        assert f"<Code>{code}</Code>" in seen[name]["body"]


@pytest.mark.rule("SEM-25")
@pytest.mark.parametrize("name", ["method", "closed", "preflighted", "cookies"])
def test_a_page_is_kept_from_what_no_rule_allows(seen: dict[str, Any], name: str) -> None:
    assert seen[name] == {"error": "TypeError"}
