"""README's configuration is loaded and checked as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from multistore.config.loader import load

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
ENVIRONMENT = {
    "STORE_URL": "http://127.0.0.1:8333",
    "STORE_KEY": "AKSTORE0000000000001",
    "STORE_SECRET": "storeSecret4Vx9Kq2Tz7Bn5Wm8Rc3Jd6Hf1LpGy",
    "REPORTS_SECRET": "reportsSecret7Lm2Xc9Vb4Nq8Zt3Ks6Wd1FhJyR",
}


def configuration() -> str:
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    return str(block)


def test_configuration_loads_without_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(configuration(), "utf-8")
    loaded = load(file, environ=ENVIRONMENT)
    assert loaded.findings == ()
    document = loaded.require()
    assert [bucket.name for bucket in document.buckets] == ["reports"]
    assert document.buckets[0].backend_options["endpoint"] == ENVIRONMENT["STORE_URL"]
    assert document.credentials[0].allowed_scopes[0].bucket == "reports"


def test_configuration_is_short() -> None:
    lines = [line for line in configuration().splitlines() if line.strip()]
    assert len(lines) <= 20


def test_commands_are_verbs_of_the_makefile() -> None:
    makefile = (Path(__file__).parents[1] / "Makefile").read_text("utf-8")
    verbs = set(re.findall(r"^([a-z]+):.*## ", makefile, re.M))
    used = set(re.findall(r"^\$ make ([a-z]+)", README, re.M))
    assert {"demo", "test"} <= used <= verbs
