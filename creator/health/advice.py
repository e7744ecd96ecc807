"""Commands for what only a person may do: install a package, start a service, change the kernel's settings."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

_INSTALLERS: Final = {
    "apt-get": "apt-get install",
    "dnf": "dnf install",
    "zypper": "zypper install",
    "pacman": "pacman -S",
    "apk": "apk add",
}
"""By program: how it installs packages."""
_DOCKER_PACKAGES: Final = {"apt-get": "docker.io", "dnf": "moby-engine"}
"""By program: what Docker's engine is called there, if not ``docker``."""
_KERNEL: Final = Path("/proc/sys")
_PROFILE: Final = "bwrap-userns-restrict"


def install(package: str) -> str:
    """The command that installs a package of the system."""
    for program, command in _INSTALLERS.items():
        if shutil.which(program):
            return f"sudo {command} {package}"
    return f"install the package {package}"


def docker(error: BaseException) -> str:
    """What to do when the engine cannot be reached.

    Args:
        error: What connecting came to.
    """
    if isinstance(error.__cause__, PermissionError):
        return "let this user reach it: sudo usermod -aG docker $USER, then log out and in again"
    if sys.platform != "linux":
        return "start Docker; the strongest sandbox needs its engine on Linux"
    if shutil.which("dockerd"):
        how = "systemctl start docker" if shutil.which("systemctl") else "service docker start"
        return f"start it: sudo {how}"
    names = [name for program, name in _DOCKER_PACKAGES.items() if shutil.which(program)]
    return f"the strongest sandbox; to get it: {install(names[0] if names else 'docker')}"


def bubblewrap() -> str:
    """What to do when bubblewrap is not there, or may not make namespaces."""
    if sys.platform != "linux":
        return "it needs Linux"
    if shutil.which("bwrap") is None:
        return f"the second strongest sandbox, without a daemon: {install('bubblewrap')}"
    if _kernel("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            f"AppArmor forbids it: sudo apt-get install apparmor-profiles && sudo cp "
            f"/usr/share/apparmor/extra-profiles/{_PROFILE} /etc/apparmor.d/ && sudo apparmor_parser -r "
            f"/etc/apparmor.d/{_PROFILE}"
        )
    if _kernel("kernel/unprivileged_userns_clone") == "0":
        return "the kernel forbids it: sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _kernel("user/max_user_namespaces") == "0":
        return "the kernel allows no user namespaces: sudo sysctl -w user.max_user_namespaces=15000"
    return "user namespaces are switched off here, or this is a container that forbids them"


def _kernel(name: str) -> str:
    """A setting of the kernel; empty when it has none of this name."""
    try:
        return (_KERNEL / name).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
