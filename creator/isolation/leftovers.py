"""What dead runs left behind: containers, images of earlier versions, folders, control groups."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from creator.isolation.base import SOCKET_FOLDER_PREFIX, SOCKET_NAME
from creator.isolation.control_group import dead_control_groups
from creator.isolation.engine import remove_container
from creator.isolation.image import IMAGE_LABEL, OWNER_LABEL, REPOSITORY, RUN_LABEL, build_context, image_tag
from creator.isolation.marks import is_alive

CELLS_FOLDER_PREFIX: Final = "creator-cells-"
"""Of the home of plain processes; the process that it belongs to is in the rest of its name."""


@dataclass(frozen=True)
class Leftover:
    """One thing that nothing uses any more.

    Attributes:
        kind: ``container``, ``image``, ``folder`` or ``control group``.
        name: What it is called; a run's id where there is one.
        remove: Removes it.
    """

    kind: str
    name: str
    remove: Callable[[], None]


def find_leftovers(client: Any | None, base_image: str) -> list[Leftover]:
    """Everything of ours that nothing uses; blocking.

    Args:
        client: A `docker.DockerClient`, or None where no engine answers.
        base_image: What the present sandbox image is built on; that image stays.
    """
    found = [*_folders(), *(Leftover("control group", path.name, path.rmdir) for path in dead_control_groups())]
    if client is not None:
        found += _containers(client)
        found += _images(client, image_tag(base_image, build_context()))
    return found


def remove_dead_containers(client: Any) -> None:
    """Remove the containers of runs whose process is gone; blocking. What cannot be removed stays for ``doctor``."""
    for leftover in _containers(client):
        with contextlib.suppress(Exception):  # another run may be at it too
            leftover.remove()


def _containers(client: Any) -> list[Leftover]:
    containers = client.containers.list(all=True, filters={"label": RUN_LABEL}, ignore_removed=True)
    return [
        Leftover("container", container.labels.get(RUN_LABEL, container.short_id), _removing(container))
        for container in containers
        if OWNER_LABEL in container.labels and not is_alive(container.labels[OWNER_LABEL])
    ]


def _removing(container: Any) -> Callable[[], None]:
    return lambda: remove_container(container)


def _images(client: Any, present: str) -> list[Leftover]:
    tags = [tag for image in client.images.list(filters={"label": IMAGE_LABEL}) for tag in image.tags]
    ours = [tag for tag in tags if tag.startswith(f"{REPOSITORY}:") and tag != present]
    # Without force: the engine keeps what a container still uses.
    return [Leftover("image", tag, lambda tag=tag: client.images.remove(tag)) for tag in ours]  # type: ignore[misc]


def _folders() -> list[Leftover]:
    folders = []
    for parent in dict.fromkeys((Path(tempfile.gettempdir()), Path("/tmp"))):  # noqa: S108 - where runs make theirs
        for folder in parent.glob(f"{SOCKET_FOLDER_PREFIX}*"):
            with contextlib.suppress(OSError):  # it has gone meanwhile
                own = folder.stat().st_uid == os.getuid() and not folder.is_symlink()
                if own and (folder / SOCKET_NAME).is_socket() and not _listens(folder / SOCKET_NAME):
                    folders.append(folder)
        for folder in parent.glob(f"{CELLS_FOLDER_PREFIX}*"):
            with contextlib.suppress(OSError):
                own = folder.stat().st_uid == os.getuid() and not folder.is_symlink()
                if own and not is_alive(folder.name.removeprefix(CELLS_FOLDER_PREFIX)):
                    folders.append(folder)
    return [Leftover("folder", folder.name, lambda folder=folder: shutil.rmtree(folder)) for folder in folders]  # type: ignore[misc]


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True  # it is busy, or not ours to ask
    return True
