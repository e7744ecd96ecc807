"""The container image: `Dockerfile` plus `sandbox/`, built at first use and again only when their content changes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
from collections.abc import Callable
from typing import Any, Final

from creator.isolation.base import PACKAGE, SandboxUnavailable

REPOSITORY: Final = "agent-creator-sandbox"
IMAGE_LABEL: Final = f"{REPOSITORY}.image"
RUN_LABEL: Final = f"{REPOSITORY}.run"
OWNER_LABEL: Final = f"{REPOSITORY}.owner"
"""Labels of a container: the run's id, and the mark of the process that it belongs to."""

DOCKERFILE: Final = PACKAGE.parent / "Dockerfile"
BUILD_SECONDS: Final = 900


class ImageMissing(SandboxUnavailable):
    """The engine is there, the image is not."""


def build_context() -> dict[str, bytes]:
    """The files of the build, by their path in it."""
    if not DOCKERFILE.is_file():
        raise SandboxUnavailable(f"no Dockerfile beside the package {PACKAGE.name!r}: run from a checkout")
    files = {"Dockerfile": DOCKERFILE.read_bytes()}
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in {".py", ".txt"}:
            files[f"sandbox/{path.relative_to(PACKAGE).as_posix()}"] = path.read_bytes()
    return files


def image_tag(base_image: str, files: dict[str, bytes]) -> str:
    """The image's name; its tag is a digest of everything that goes into the build."""
    digest = hashlib.sha256(base_image.encode())
    for name, data in sorted(files.items()):
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return f"{REPOSITORY}:{digest.hexdigest()[:16]}"


def find_image(client: Any, base_image: str) -> str:
    """The image's name; blocking.

    Raises:
        ImageMissing: It has not been built yet.
    """
    import docker.errors

    tag = image_tag(base_image, build_context())
    try:
        client.images.get(tag)
    except docker.errors.ImageNotFound:
        raise ImageMissing("Docker's image is not built yet; the next spawn builds it") from None
    return tag


def ensure_image(client: Any, base_image: str, progress: Callable[[str], None]) -> str:
    """Build the image unless it is there already; blocking.

    Args:
        client: A `docker.DockerClient`.
        base_image: What the Dockerfile's ``BASE_IMAGE`` argument is set to.
        progress: Called with a line for each step of the build.

    Returns:
        The image's name.

    Raises:
        SandboxUnavailable: The build failed; the text holds the last line of its output.
    """
    with contextlib.suppress(ImageMissing):
        return find_image(client, base_image)
    files = build_context()
    tag = image_tag(base_image, files)
    progress(f"building the sandbox image on {base_image} (first use, or its content changed; about a minute)")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    archive.seek(0)
    last = ""
    steps = client.api.build(
        fileobj=archive,
        custom_context=True,
        tag=tag,
        buildargs={"BASE_IMAGE": base_image},
        labels={IMAGE_LABEL: "1"},
        rm=True,
        forcerm=True,
        decode=True,
        timeout=BUILD_SECONDS,
    )
    for step in steps:
        if "error" in step:
            reason = " ".join(str(step["error"]).split())[:300]
            raise SandboxUnavailable(f"the sandbox image cannot be built: {reason} (before it: {last[:200]})")
        line = str(step.get("stream") or step.get("status") or "").strip()
        if line:
            last = " ".join(line.split())
            if line.startswith("Step "):
                progress(f"image: {last[:120]}")
    return tag
