"""The two files of a template: its text, and the JSON Schema of its slots. A mistake in them is one line."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Final

import jsonschema

from creator.errors import BrokenTemplate
from creator.models.hints import check_hints
from creator.templates.slot_schema import BrokenSlot, check_slots
from creator.text import clean

SOURCE_SUFFIX: Final = ".py.j2"
SCHEMA_SUFFIX: Final = ".schema.json"
MAX_FILE_BYTES: Final = 400_000


def read_source(folder: Path, name: str) -> str:
    """The text of a template.

    Raises:
        BrokenTemplate: Its file cannot be read.
    """
    return _text_of(folder, name, f"{name}{SOURCE_SUFFIX}")


def read_schema(folder: Path, name: str) -> dict[str, Any]:
    """The schema of a template's slots, checked.

    Raises:
        BrokenTemplate: Its file cannot be read, or describes no slots.
    """
    file = f"{name}{SCHEMA_SUFFIX}"
    return _schema(name, file, _text_of(folder, name, file))


def line_of_slot(folder: Path, name: str, slot: str) -> int | None:
    """The line of a schema's file at which a slot's description begins."""
    return _line_of_key(_text_of(folder, name, f"{name}{SCHEMA_SUFFIX}"), slot)


def _text_of(folder: Path, name: str, file: str) -> str:
    try:
        with (folder / file).open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise BrokenTemplate(name, file, None, f"it cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BrokenTemplate(name, file, line, "this is not UTF-8 text; save it as UTF-8") from None
    if len(data) > MAX_FILE_BYTES:
        raise BrokenTemplate(name, file, None, f"it is larger than {MAX_FILE_BYTES:,} bytes")
    return text.replace("\r\n", "\n")


def _schema(name: str, file: str, text: str) -> dict[str, Any]:
    try:
        schema = json.loads(text, object_pairs_hook=_object, parse_float=_number, parse_constant=_number)
        jsonschema.Draft202012Validator.check_schema(schema)
        check_slots(schema if isinstance(schema, dict) else {})
        check_hints(schema["properties"])
    except json.JSONDecodeError as error:
        raise BrokenTemplate(name, file, error.lineno, f"this is no JSON: {error.msg}") from None
    except jsonschema.SchemaError as error:
        path = [str(part) for part in error.absolute_path]
        slot = path[1] if path[:1] == ["properties"] and len(path) > 1 else ""
        where = f"{'.'.join(path)[:100]}: " if path else ""
        raise BrokenTemplate(name, file, _line_of_key(text, slot), f"{where}{error.message}") from None
    except BrokenSlot as error:
        raise BrokenTemplate(name, file, _line_of_key(text, error.slot), str(error)) from None
    except (ValueError, RecursionError) as error:
        raise BrokenTemplate(name, file, None, f"this is no JSON for a template: {error}") from None
    assert isinstance(schema, dict)
    return schema


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:  # a slot that was copied and not renamed would replace the other without a word
            raise ValueError(f"the key {clean(key, 60)!r} stands twice in one object")
        found[key] = value
    return found


def _number(text: str) -> int | float:
    """A number; JSON Schema takes 3.0 for the integer 3, Python does not."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no number")
    return int(number) if number.is_integer() else number


def _line_of_key(text: str, key: str) -> int | None:
    """The first line that holds a key of an object."""
    found = re.search(rf'"{re.escape(key)}"\s*:', text) if key else None
    return None if found is None else text.count("\n", 0, found.start()) + 1
