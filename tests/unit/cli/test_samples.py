"""The demo's sample objects are what they say: other people's readers read them."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import rasterio

from multistore.cli.samples import SAMPLES

DATA = {sample.key: sample for sample in SAMPLES}


def test_samples_are_few_and_small() -> None:
    assert list(DATA) == ["hello.txt", "cities.csv", "cities.parquet", "elevation.tif"]
    assert sum(len(sample.read()) for sample in SAMPLES) < 65536


def test_csv_and_parquet_hold_the_same_table() -> None:
    rows = list(csv.reader(io.StringIO(DATA["cities.csv"].read().decode())))
    file = pq.ParquetFile(pa.BufferReader(DATA["cities.parquet"].read()))
    assert file.num_row_groups == 2
    table = file.read()
    assert table.column_names == rows[0]
    assert [[str(cell) for cell in row.values()] for row in table.to_pylist()] == rows[1:]


def test_geotiff_is_tiled_and_has_an_overview() -> None:
    with rasterio.MemoryFile(DATA["elevation.tif"].read()) as memory, memory.open() as image:
        assert image.crs.to_epsg() == 4326
        assert (image.width, image.height, image.block_shapes) == (256, 256, [(64, 64)])
        assert image.overviews(1) == [4]
        assert 800 < image.read(1).max() < 1000
