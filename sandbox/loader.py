"""Loads a generated module by file location, after checking that it is the file that the Creator wrote."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from sandbox.protocol import AGENT_NAME

MAX_MODULE_BYTES: Final = 400_000
PACKAGE: Final = "generated_agents"
"""Modules are known under this private package; nothing of the run directory is ever on ``sys.path``."""


class LoadRefused(ImportError):
    """The file is not the module that was checked."""


def load_module(directory: Path, name: str, sha256: str) -> ModuleType:
    """Import ``directory/name.py`` under a private name.

    Args:
        directory: The run's modules.
        name: The agent's name.
        sha256: Digest, in hexadecimal, of the file that passed the policy.

    Raises:
        LoadRefused: It is a link, no regular file, of another owner than its folder, open for others to write,
            too large, or not the file that was checked.
        Exception: Whatever the module itself raises while it is imported.
    """
    if AGENT_NAME.fullmatch(name) is None:
        raise LoadRefused(f"{name[:64]!r} is no agent name")
    path = directory / f"{name}.py"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        owner = directory.stat().st_uid
    except OSError as error:
        raise LoadRefused(f"{path.name!r} cannot be opened: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise LoadRefused(f"{path.name!r} is no regular file of its own")
        if found.st_uid != owner or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise LoadRefused(f"{path.name!r} is another user's, or others may write to it")
        data = file.read(MAX_MODULE_BYTES + 1)
    if len(data) > MAX_MODULE_BYTES:
        raise LoadRefused(f"{path.name!r} is larger than {MAX_MODULE_BYTES} bytes")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise LoadRefused(f"{path.name!r} is not the file that was checked")
    # Decoded here: compile() of bytes would obey an encoding cookie, which can hide code.
    code = compile(data.decode("utf-8"), str(path), "exec", dont_inherit=True)
    module = ModuleType(f"{PACKAGE}.{name}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(code, module.__dict__)  # noqa: S102 - running generated code is what a cell is for
    return module
