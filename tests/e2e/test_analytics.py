"""Readers of data: DuckDB, GDAL and Arrow ask for ranges, HEADs and listings of their own kind."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_httpfs
import numpy
import pyarrow
import pyarrow.fs
import pyarrow.parquet
import pytest
import rasterio
from rasterio.io import MemoryFile
from rasterio.session import AWSSession

from support.clients import Endpoint


@pytest.fixture
def table() -> pyarrow.Table:
    numbers = list(range(50_000))
    return pyarrow.table({"n": numbers, "text": [f"row {number % 7}" for number in numbers]})


def parquet(table: pyarrow.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink, row_group_size=5000)
    return sink.getvalue()


def connect(endpoint: Endpoint) -> duckdb.DuckDBPyConnection:
    folder = Path(duckdb_extension_httpfs.__path__[0]) / "extensions" / f"v{duckdb.__version__}"
    connection = duckdb.connect()
    # From the installed package: nothing is downloaded.
    connection.execute(f"LOAD '{folder / 'httpfs.duckdb_extension'}'")
    credentials = endpoint.credentials
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{credentials.access_key_id}', "
        f"SECRET '{credentials.secret_access_key}', REGION '{credentials.region}', "
        f"ENDPOINT '{endpoint.authority}', URL_STYLE 'path', USE_SSL false)"
    )
    return connection


def test_duckdb(s3: Any, endpoint: Endpoint, place: Any, table: pyarrow.Table) -> None:
    for part in ("a", "b"):
        key = f"{place.prefix}parts/part={part}/data 1.parquet"
        s3.put_object(Bucket=place.bucket, Key=key, Body=parquet(table))
    text = io.StringIO()
    csv.writer(text).writerows([["n", "word"], [1, "one"], [2, "two"]])
    s3.put_object(Bucket=place.bucket, Key=place.prefix + "words.csv", Body=text.getvalue())
    with connect(endpoint) as connection:

        def ask(query: str) -> list[Any]:
            return connection.execute(query.replace("@", place.url)).fetchall()

        total = ask("SELECT sum(n), count(*) FROM read_parquet('@parts/part=a/*.parquet')")
        assert total == [(sum(range(50_000)), 50_000)]
        parts = ask(
            "SELECT part, count(*) FROM read_parquet('@parts/**/*.parquet', hive_partitioning=1)"
            " GROUP BY part ORDER BY part"
        )
        assert parts == [("a", 50_000), ("b", 50_000)]
        assert ask("SELECT word FROM '@words.csv' ORDER BY n") == [("one",), ("two",)]
        names = ask("SELECT file FROM glob('@parts/*/*')")
        assert len(names) == 2
        with pytest.raises(duckdb.Error, match=r"404|not found|No files"):
            ask("SELECT * FROM '@missing.parquet'")


def geotiff() -> tuple[bytes, Any]:
    pixels = numpy.arange(512 * 512, dtype="uint16").reshape(512, 512)
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=512,
            height=512,
            count=1,
            dtype="uint16",
            tiled=True,
            blockxsize=128,
            blockysize=128,
            crs="EPSG:4326",
            transform=rasterio.Affine(0.1, 0, 0, 0, -0.1, 0),
        ) as file:
            file.write(pixels, 1)
        return memory.read(), pixels


def test_gdal(s3: Any, endpoint: Endpoint, place: Any) -> None:
    data, pixels = geotiff()
    key = place.prefix + "raster/tile.tif"
    s3.put_object(Bucket=place.bucket, Key=key, Body=data)
    session = AWSSession(
        aws_access_key_id=endpoint.credentials.access_key_id,
        aws_secret_access_key=endpoint.credentials.secret_access_key,
        region_name="us-east-1",
        endpoint_url=endpoint.authority,
    )
    options = {"AWS_VIRTUAL_HOSTING": "FALSE", "AWS_HTTPS": "NO", "GDAL_HTTP_MAX_RETRY": "0"}
    with rasterio.Env(session, **options):
        with rasterio.open(f"s3://{place.bucket}/{key}") as file:
            window = rasterio.windows.Window(200, 300, 50, 40)
            assert (file.read(1, window=window) == pixels[300:340, 200:250]).all()
            assert (file.read(1) == pixels).all()
        with pytest.raises(rasterio.errors.RasterioIOError):
            rasterio.open(f"s3://{place.bucket}/{place.prefix}raster/missing.tif")


def test_arrow(s3: Any, endpoint: Endpoint, place: Any, table: pyarrow.Table) -> None:
    key = f"{place.prefix}arrow/data.parquet"
    s3.put_object(Bucket=place.bucket, Key=key, Body=parquet(table))
    files = pyarrow.fs.S3FileSystem(
        access_key=endpoint.credentials.access_key_id,
        secret_key=endpoint.credentials.secret_access_key,
        region="us-east-1",
        scheme="http",
        endpoint_override=endpoint.authority,
        allow_bucket_creation=False,
    )
    base = f"{place.bucket}/{place.prefix}arrow"
    read = pyarrow.parquet.read_table(f"{base}/data.parquet", filesystem=files, columns=["n"])
    assert read.column("n").to_pylist() == list(range(50_000))
    (entry,) = files.get_file_info(pyarrow.fs.FileSelector(base, recursive=True))
    assert entry.path == f"{base}/data.parquet"
    missing = files.get_file_info(f"{base}/missing")
    assert missing.type == pyarrow.fs.FileType.NotFound
    with files.open_input_file(f"{base}/data.parquet") as file:
        file.seek(4)
        assert file.read(100) == parquet(table)[4:104]
