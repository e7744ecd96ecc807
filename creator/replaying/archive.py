"""A recording as one file: a zip of a few JSON files, the same bytes for the same recording.

Such a file may come from a stranger: it is looked at before anything of it is unpacked, and unpacked within bounds.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final, NoReturn

from pydantic import ValidationError

from creator.errors import EnvironmentFault, UsageError
from creator.files import read_bounded
from creator.outputs import writing_bytes_atomically
from creator.replaying.recorder import first_problem
from creator.replaying.recording import FORMAT, Recording
from creator.text import clean

ENDING: Final = ".run.zip"
MAX_ARCHIVE_BYTES: Final = 100_000_000
MEMBERS: Final[dict[str, tuple[int, frozenset[str]]]] = {
    "run.json": (
        20_000_000,
        frozenset(Recording.model_fields) - {"births", "choices", "pairs", "places", "answers", "failures"},
    ),
    "births.json": (100_000_000, frozenset({"births", "choices", "pairs", "places"})),
    "answers.json": (200_000_000, frozenset({"answers", "failures"})),
}
"""The files in an archive: the most bytes that one may have, and what it holds."""

_DATE: Final = (1980, 1, 1, 0, 0, 0)
_END: Final = struct.Struct("<4s4H2LH")
"""What stands at the end of a zip, in its own words: the end of the central directory, without a comment."""
_END_MARK: Final = b"PK\x05\x06"
_LARGE_MARK: Final = b"PK\x06\x07"
"""In front of that in archives that are larger than ours."""
_MAX_DIRECTORY_BYTES: Final = 1_000
_UNPLAIN_FLAGS: Final = 0x1 | 0x20 | 0x40
"""Of a member that is encrypted or patched."""


def pack(recording: Recording, path: Path) -> None:
    """Write a recording, whole or not at all.

    Args:
        recording: Of a run.
        path: The file; one that is there is replaced.

    Raises:
        EnvironmentFault: It cannot be written, or is larger than what is read again.
    """
    document = recording.model_dump(mode="json")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, (limit, fields) in sorted(MEMBERS.items()):
            part = {field: value for field, value in document.items() if field in fields}
            data = (json.dumps(part, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")
            _check_size(name, len(data), limit)
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every system
            archive.writestr(info, data, zipfile.ZIP_DEFLATED, compresslevel=9)
    _check_size(path.name, content.tell(), MAX_ARCHIVE_BYTES)
    with writing_bytes_atomically(path, "--to") as file:
        file.write(content.getvalue())


def _check_size(name: str, size: int, limit: int) -> None:
    if size > limit:
        raise EnvironmentFault(f"{clean(name, 100)!r} would have {size:,} bytes, which is more than {limit:,}.")


def unpack(path: Path) -> Recording:
    """Read a recording, whoever wrote it.

    Raises:
        UsageError: The file cannot be read, or is no recording; the text says what is wrong.
    """
    shown = repr(clean(str(path), 200))
    try:
        data = read_bounded(path, MAX_ARCHIVE_BYTES)
    except FileNotFoundError:
        raise UsageError(f"There is no file {shown}.") from None
    except OSError as error:
        raise UsageError(f"Cannot read {shown}: {error.strerror or error}.") from None
    except ValueError as error:
        raise UsageError(f"{shown} is no recording of a run: {error}.") from None
    try:
        document = _document(data)
        if document.get("format") != FORMAT:
            raise ValueError("it was made by another release, whose recordings this one does not read")
        return Recording.model_validate(document)
    except ValidationError as error:
        raise UsageError(f"{shown} is no recording of a run: {first_problem(error)}.") from None
    except ValueError as error:
        raise UsageError(f"{shown} is no recording of a run: {clean(str(error), 200)}.") from None


def _document(data: bytes) -> dict[str, Any]:
    """What the members of an archive hold together.

    Raises:
        ValueError: It is no such archive; the text says why.
    """
    _check_end(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if sorted(info.filename for info in infos) != sorted(MEMBERS):
                raise ValueError(f"it has to hold {', '.join(sorted(MEMBERS))} and nothing else")
            document: dict[str, Any] = {}
            for info in infos:
                document |= _member(archive, info)
            return document
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, OSError):
        raise ValueError("the archive is damaged") from None


def _check_end(data: bytes) -> None:
    """Look at what a zip says of itself before anything believes it: a directory may name millions of files."""
    end = data[-_END.size :]
    if len(end) < _END.size or not end.startswith(_END_MARK):
        raise ValueError("it is no zip archive, or holds more than that")
    _, _, _, here, count, size, _, _ = _END.unpack(end)
    large = data[-_END.size - 20 : -_END.size].startswith(_LARGE_MARK)
    if large or here != count or count != len(MEMBERS) or size > _MAX_DIRECTORY_BYTES:
        raise ValueError(f"it has to hold {', '.join(sorted(MEMBERS))} and nothing else")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> dict[str, Any]:
    limit, fields = MEMBERS[info.filename]
    if info.flag_bits & _UNPLAIN_FLAGS or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename!r} is encrypted, or packed in an unusual way")
    if info.file_size > limit:
        raise ValueError(f"{info.filename!r} is larger than {limit:,} bytes")
    with archive.open(info) as file:
        data = file.read(limit + 1)  # whatever its size is said to be
    if len(data) > limit:
        raise ValueError(f"{info.filename!r} is larger than {limit:,} bytes")
    try:
        value = json.loads(data, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a character can be written nowhere
    except (ValueError, RecursionError):
        raise ValueError(f"{info.filename!r} is no JSON") from None
    if not isinstance(value, dict) or not value.keys() <= fields:
        raise ValueError(f"{info.filename!r} holds what does not belong there")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
