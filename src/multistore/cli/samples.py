"""The buckets of ``multistore demo`` and the objects that it puts into them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from multistore.cli.s3client import S3Client
from multistore.cli.store import StoreError

__all__ = ["PRIVATE_BUCKET", "PUBLIC_BUCKET", "SAMPLES", "Sample", "upload_samples"]

#: The seed's two buckets: everybody reads the first, nobody without a key the second.
PUBLIC_BUCKET = "public-data"
PRIVATE_BUCKET = "private-uploads"


@dataclass(frozen=True, slots=True)
class Sample:
    """A small real object, shipped with the package (``data/make.py`` makes them)."""

    key: str
    content_type: str

    def read(self) -> bytes:
        return (files("multistore.cli") / "data" / self.key).read_bytes()


SAMPLES = (
    Sample("hello.txt", "text/plain; charset=utf-8"),
    Sample("cities.csv", "text/csv; charset=utf-8"),
    Sample("cities.parquet", "application/vnd.apache.parquet"),
    Sample("elevation.tif", "image/tiff"),
)


def upload_samples(client: S3Client) -> None:
    """Makes the buckets that are not there, and puts the samples. Raises: StoreError."""
    for bucket in (PUBLIC_BUCKET, PRIVATE_BUCKET):
        if _ask(client, "HEAD", f"/{bucket}", (200, 404)) == 404:
            _ask(client, "PUT", f"/{bucket}", (200,))
    for sample in SAMPLES:
        path = f"/{PUBLIC_BUCKET}/{sample.key}"
        _ask(client, "PUT", path, (200,), sample.read(), sample.content_type)


def _ask(
    client: S3Client,
    method: str,
    path: str,
    expected: tuple[int, ...],
    body: bytes = b"",
    content_type: str = "",
) -> int:
    what = f"{method} {client.store.url}{path}"
    try:
        status, answer = client.request(method, path, body, content_type)
    except OSError as error:
        raise StoreError(f"{what}: {error}") from error
    if status not in expected:
        text = answer[:500].decode("utf-8", "replace")
        raise StoreError(f"{what}: the store answered {status} {text}".rstrip())
    return status
