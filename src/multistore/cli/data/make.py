"""Makes the sample objects of ``multistore demo`` anew, next to this script.

They are kept as small files, so that the demo needs neither pyarrow nor rasterio, which this
script does (both are in the extra ``test``): ``python src/multistore/cli/data/make.py``.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
from rasterio.transform import from_bounds

HERE = Path(__file__).parent
#: Name, country, longitude, latitude, inhabitants in thousands (rounded).
CITIES = [
    ("Amsterdam", "NL", 4.90, 52.37, 900),
    ("Bogotá", "CO", -74.07, 4.71, 7_900),
    ("Dakar", "SN", -17.47, 14.72, 1_200),
    ("Jakarta", "ID", 106.85, -6.21, 10_600),
    ("Kyiv", "UA", 30.52, 50.45, 2_900),
    ("Lagos", "NG", 3.38, 6.52, 15_000),
    ("Lima", "PE", -77.04, -12.05, 10_100),
    ("Nairobi", "KE", 36.82, -1.29, 4_400),
    ("Osaka", "JP", 135.50, 34.69, 2_700),
    ("São Paulo", "BR", -46.63, -23.55, 11_500),
    ("Toronto", "CA", -79.38, 43.65, 2_800),
    ("Wellington", "NZ", 174.78, -41.29, 215),
]
COLUMNS = ("name", "country", "longitude", "latitude", "thousands")


def make_text() -> None:
    (HERE / "hello.txt").write_text("Hello from multistore.\n", "utf-8")


def make_csv() -> None:
    with (HERE / "cities.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(CITIES)


def make_parquet() -> None:
    table = pa.table(dict(zip(COLUMNS, zip(*CITIES, strict=True), strict=True)))
    # Two row groups: readers then ask for parts of the file.
    pq.write_table(table, HERE / "cities.parquet", row_group_size=6, compression="snappy")


def make_geotiff() -> None:
    """Two hills on 256 × 256 metres of elevation, in tiles of 64, with one overview."""
    y, x = np.mgrid[0:256, 0:256] / 255.0
    hills = 900 * np.exp(-((x - 0.35) ** 2 + (y - 0.4) ** 2) / 0.03)
    hills += 600 * np.exp(-((x - 0.7) ** 2 + (y - 0.65) ** 2) / 0.02)
    profile = {
        "driver": "GTiff",
        "width": 256,
        "height": 256,
        "count": 1,
        "dtype": "int16",
        "crs": "EPSG:4326",
        "transform": from_bounds(5.0, 45.0, 6.0, 46.0, 256, 256),
        "tiled": True,
        "blockxsize": 64,
        "blockysize": 64,
        "compress": "deflate",
        "predictor": 2,
    }
    with rasterio.open(HERE / "elevation.tif", "w", **profile) as file:
        file.write(hills.astype("int16"), 1)
        file.build_overviews([4], rasterio.enums.Resampling.average)


if __name__ == "__main__":
    make_text()
    make_csv()
    make_parquet()
    make_geotiff()
