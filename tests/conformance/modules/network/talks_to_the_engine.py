"""Talk to a container engine or the system's bus, whoever can do so owns the machine."""

import os
import socket

PATHS = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock"]
PATHS += ["/run/dbus/system_bus_socket", "/run/systemd/private", "/run/snapd.socket", os.environ.get("DOCKER_HOST", "")]

CERTAIN = False


async def attack(agent, message, ctx, targets):
    found = []
    for path in PATHS:
        with _contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
            one.settimeout(2)
            one.connect(path.removeprefix("unix://"))
            found.append(path)
    return found
