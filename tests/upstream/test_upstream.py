"""AutoGen's own tests of its worker runtime pass on our host and our worker runtime, dropped in for AutoGen's."""

from __future__ import annotations

import ast
import contextlib
import os
import random
import re
import socket
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
REPOSITORY: Final = HERE.parent.parent
TESTS: Final = Path("tests", "test_worker_runtime.py")
DOWNLOAD: Final = ("--no-deps", "--no-binary", "autogen-ext", "--no-build-isolation", "--require-hashes")
OPTIONS: Final = ("-v", "--noconftest", "-p", "no:cacheprovider", "-p", "drop_in")
INI: Final = """\
[pytest]
asyncio_default_fixture_loop_scope = function
timeout = 60
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AutoGen's source distribution, unpacked, its tests moved to free ports.

    In CI its absence is a failure, elsewhere a reason to skip; a wrong hash is a failure anywhere.
    """
    folder = tmp_path_factory.mktemp("upstream")
    fetching = subprocess.run(
        [sys.executable, "-m", "pip", "download", *DOWNLOAD, "-r", HERE / "requirements.txt", "--dest", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    if fetching.returncode != 0 and not os.environ.get("CI") and "HASHES" not in fetching.stdout:
        pytest.skip(f"AutoGen's source cannot be fetched: {fetching.stdout[-300:]}")
    assert fetching.returncode == 0, fetching.stdout
    [archive] = folder.iterdir()
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    unpacked = folder / archive.name.removesuffix(".tar.gz")
    _move_ports(unpacked / TESTS)
    return unpacked


def _move_ports(file: Path) -> None:
    """Give the tests free ports: theirs are among those that the kernel hands out to anybody's connections."""
    text = file.read_text("utf-8")
    fixed = sorted(set(re.findall(r'"localhost:(\d+)"', text)))
    assert fixed
    free: set[int] = set()
    while len(free) < len(fixed):
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            free.add(port)
    for old, new in zip(fixed, free, strict=True):
        text = text.replace(f'"localhost:{old}"', f'"localhost:{new}"')
    file.write_text(text, "utf-8")


def _marked(file: Path) -> dict[str, str]:
    """What has to become of each test of the file, from its own marks."""
    return {
        node.name: "skipped"
        if any(ast.unparse(decorator).startswith("pytest.mark.skip(") for decorator in node.decorator_list)
        else "passed"
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def _outcomes(report: Path) -> dict[str, str]:
    """What became of each test, from a JUnit report."""
    return {
        case.get("name", ""): ", ".join(child.tag for child in case if child.tag in ("skipped", "failure", "error"))
        or "passed"
        for case in ET.parse(report).iter("testcase")
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("classes", ["plain", "ours"])
def test_the_worker_runtimes_own_tests_pass(source: Path, tmp_path: Path, classes: str) -> None:
    """``plain`` shows that this harness is sound."""
    file = source / TESTS
    ini, report, log = tmp_path / "pytest.ini", tmp_path / "report.xml", tmp_path / "log"
    ini.write_text(INI)
    unwanted = ("PYTEST_ADDOPTS", "PYTHONWARNINGS")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted} | {
        "PYTHONPATH": os.pathsep.join([str(HERE), str(REPOSITORY)]),
        "UPSTREAM_CLASSES": classes,
        "no_grpc_proxy": "localhost",
    }
    status: int | None = None
    with log.open("w") as output, contextlib.suppress(subprocess.TimeoutExpired):
        status = subprocess.run(
            [sys.executable, "-m", "pytest", file, *OPTIONS, "-c", ini, "--rootdir", source, "--junit-xml", report],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=180,
            check=False,
        ).returncode
    tail = log.read_text("utf-8", "replace")[-8000:]
    assert status == 0, f"exit status {status}:\n{tail}"
    expected = _marked(file)
    assert "passed" in expected.values()
    assert _outcomes(report) == expected, tail
