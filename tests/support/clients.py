"""Real S3 clients, each pointed at one endpoint and at nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from support.gateway import clean_environment
from support.sigv4 import Credentials

__all__ = ["Endpoint", "program", "run", "s3_client"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    credentials: Credentials
    ca_file: Path | None = None

    @property
    def authority(self) -> str:
        return self.url.split("://")[1]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def environment(self) -> dict[str, str]:
        """What AWS's own tools read."""
        env = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
            "AWS_REGION": self.credentials.region,
            "AWS_DEFAULT_REGION": self.credentials.region,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        if self.ca_file is not None:
            env["AWS_CA_BUNDLE"] = str(self.ca_file)
        return env


def s3_client(endpoint: Endpoint, *, style: str = "path", **config: Any) -> Any:
    """A boto3 client that reads no settings from its surroundings and tries once."""
    config.setdefault("signature_version", "s3v4")
    config.setdefault("retries", {"total_max_attempts": 1})
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint.url,
        aws_access_key_id=endpoint.credentials.access_key_id,
        aws_secret_access_key=endpoint.credentials.secret_access_key,
        region_name=endpoint.credentials.region,
        verify=str(endpoint.ca_file) if endpoint.ca_file else None,
        config=Config(
            s3={"addressing_style": style}, connect_timeout=5, read_timeout=30, proxies={}, **config
        ),
    )


def program(name: str) -> str:
    """Path of a program that a test dependency brought."""
    return str(Path(sys.executable).with_name(name))


def run(
    command: Sequence[str], env: Mapping[str, str], *, input: bytes | None = None, status: int = 0
) -> str:
    """Runs a client to its end and returns its standard output."""
    done = subprocess.run(
        command, env=clean_environment(env), input=input, capture_output=True, timeout=90
    )
    output = done.stdout.decode(errors="replace")
    assert done.returncode == status, f"{command}\n{output}\n{done.stderr.decode(errors='replace')}"
    return output
