"""The main job as a newcomer runs it: no key, no model named, the embedded model, the strongest sandbox there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(600)]


def test_spawn_five_from_nothing() -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(
        [sys.executable, "-m", "creator", "spawn", "5", "--json"], capture_output=True, env=environment, timeout=500
    )
    assert result.returncode == 0, result.stderr
    outcome = json.loads(result.stdout)
    assert len(outcome["ideas"]) == 5
    assert outcome["model"] == "embedded:SmolLM2-135M-Instruct"
    assert b"rough" in result.stderr, "it says that its ideas are rough"
    for idea in outcome["ideas"]:
        for text in idea["versions"][0]["idea"].values():
            assert len(text) >= 4
    assert len(list(Path("generated/latest/ideas").glob("*.md"))) == 5
