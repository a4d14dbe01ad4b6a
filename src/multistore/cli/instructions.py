"""What ``multistore demo`` says when it is ready: for people, for programs, for a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from multistore.cli.s3client import StoreAddress
from multistore.cli.samples import PRIVATE_BUCKET, PUBLIC_BUCKET, SAMPLES

__all__ = ["Ready"]

#: What would send a client elsewhere, or as somebody else, than the demo's variables say.
_MISLEADING = (
    "AWS_CONFIG_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A running demo. ``ours``: the store was made for it, so that its keys are no secret of the
    user's and may be shown."""

    gateway: StoreAddress
    store: StoreAddress
    ours: bool

    def variables(self) -> dict[str, str]:
        """The AWS variables for clients of the gateway. Some SDKs read only the second region."""
        return {
            "AWS_ENDPOINT_URL_S3": self.gateway.url,
            "AWS_ACCESS_KEY_ID": self.gateway.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.gateway.secret_access_key,
            "AWS_REGION": self.gateway.region,
            "AWS_DEFAULT_REGION": self.gateway.region,
        }

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """``environ`` for a command that is to use the gateway."""
        kept = {name: value for name, value in environ.items() if name not in _MISLEADING}
        return kept | self.variables()

    def as_json(self) -> str:
        """One JSON object on one line."""
        store = {"endpoint": self.store.url, "region": self.store.region}
        if self.ours:
            store["access_key_id"] = self.store.access_key_id
            store["secret_access_key"] = self.store.secret_access_key
        report = {
            "endpoint": self.gateway.url,
            "region": self.gateway.region,
            "access_key_id": self.gateway.access_key_id,
            "secret_access_key": self.gateway.secret_access_key,
            "buckets": [PUBLIC_BUCKET, PRIVATE_BUCKET],
            "store": store,
        }
        return orjson.dumps(report).decode()

    def as_text(self) -> str:
        """Address, exports, and lines to paste. None of them depends on another."""
        gateway = self.gateway
        host = gateway.url.removeprefix("http://")
        exports = _exports(self.variables())
        keys = " ".join(sample.key for sample in SAMPLES)
        return f"""\
multistore demo is ready: {gateway.url}   (Ctrl-C ends it)

  {PUBLIC_BUCKET}       everybody may read: {keys}
  {PRIVATE_BUCKET}   only who has the key below
  behind them       {self.store.url}

# for all of the following, but curl and DuckDB; the programs are yours to install
{exports}

# curl
curl {gateway.url}/{PUBLIC_BUCKET}/hello.txt
curl --aws-sigv4 aws:amz:{gateway.region}:s3 \
--user {gateway.access_key_id}:{gateway.secret_access_key} \
'{gateway.url}/{PRIVATE_BUCKET}?list-type=2'

# aws-cli
aws s3 ls s3://{PUBLIC_BUCKET}/
aws s3 sync s3://{PUBLIC_BUCKET}/ copy/ && aws s3 sync copy/ s3://{PRIVATE_BUCKET}/copy/

# boto3
python -c "import boto3; s3 = boto3.client('s3'); \
s3.put_object(Bucket='{PRIVATE_BUCKET}', Key='a.txt', Body=b'hello'); \
print(s3.get_object(Bucket='{PRIVATE_BUCKET}', Key='a.txt')['Body'].read())"

# DuckDB (fetches httpfs from its index of extensions, unless you have it)
duckdb -c "INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, \
KEY_ID '{gateway.access_key_id}', SECRET '{gateway.secret_access_key}', \
REGION '{gateway.region}', ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false); \
SELECT * FROM 's3://{PUBLIC_BUCKET}/cities.parquet' ORDER BY thousands DESC LIMIT 3;"
{self._store_exports()}"""  # noqa: S608 -- text to paste

    def _store_exports(self) -> str:
        if not self.ours:
            return ""
        variables = {
            "STORE_URL": self.store.url,
            "STORE_KEY": self.store.access_key_id,
            "STORE_SECRET": self.store.secret_access_key,
        }
        title = "# the store itself, for a gateway of your own (README.md, A configuration)"
        return f"\n{title}\n{_exports(variables)}\n"


def _exports(variables: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={value}" for name, value in variables.items())
