"""What the usual ``OTEL_…`` variables ask for, and what is wrong with them.

The SDK itself passes over what it cannot read, with a line in a log; whoever sets such a variable wants to be told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from creator.errors import UsageError
from creator.masking import public_url
from creator.text import clean

EXPORTER: Final = "OTEL_TRACES_EXPORTER"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""The first of them that is set counts; to the second ``/v1/traces`` is added."""
DEFAULT_ENDPOINT: Final = "http://localhost:4318"
EXPORTERS: Final = ("otlp", "console", "none")
PROTOCOL: Final = "http/protobuf"
SAMPLERS: Final = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
COMPRESSIONS: Final = ("none", "gzip", "deflate")


def wanted_exporters(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where spans shall go: ``otlp``, ``console``, both or nowhere, which is what nobody asked for too.

    Args:
        environ: The environment of the process. What stands in ``.env`` does not count: the SDK does not read it.

    Raises:
        UsageError: An exporter is not known.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    said = environ.get(EXPORTER, "").strip()
    if not said:
        return ("otlp",) if any(environ.get(name, "").strip() for name in ENDPOINTS) else ()
    names = tuple(dict.fromkeys(name.strip().lower() for name in said.split(",") if name.strip()))
    for name in names:
        if name not in EXPORTERS:
            raise _wrong(EXPORTER, name, f"use {', '.join(EXPORTERS[:-1])} or {EXPORTERS[-1]}")
    return () if "none" in names else names


def check_variables(environ: Mapping[str, str]) -> None:
    """Find out whether the SDK will take the variables as they are meant.

    Raises:
        UsageError: One cannot be read; the text is one line that names it, and quotes no header.
    """
    for name, check in _CHECKS.items():
        value = environ.get(name, "").strip()
        if value:
            check(name, value)
    ratio = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if ratio and environ.get("OTEL_TRACES_SAMPLER", "").strip().lower().endswith("traceidratio"):
        _number("OTEL_TRACES_SAMPLER_ARG", ratio, 0, 1)


def traces_endpoint(environ: Mapping[str, str]) -> str:
    """Where spans go over HTTP, as it may be shown."""
    return public_url(next(filter(None, (environ.get(name, "").strip() for name in ENDPOINTS)), DEFAULT_ENDPOINT))


def _wrong(name: str, value: str, advice: str) -> UsageError:
    return UsageError(f"Environment variable {name}: {clean(repr(value), 80)} does not fit, {advice}.")


def _url(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits:
        raise _wrong(name, public_url(value), "it has to be an address such as 'http://localhost:4318'")


def _protocol(name: str, value: str) -> None:
    if value.lower() != PROTOCOL:
        raise _wrong(name, value, f"only {PROTOCOL} is there: unset it, and name an endpoint for OTLP over HTTP")


def _one_of(known: tuple[str, ...]) -> Callable[[str, str], None]:
    def check(name: str, value: str) -> None:
        if value.lower() not in known:
            raise _wrong(name, value, f"use {', '.join(known[:-1])} or {known[-1]}")

    return check


def _pairs(name: str, value: str) -> None:
    for pair in filter(None, (one.strip() for one in value.split(","))):
        key, equals, _ = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"Environment variable {name}: an entry is not of the form name=value.")  # a key, maybe


def _number(name: str, value: str, low: float, high: float) -> None:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise _wrong(name, value, f"it has to be a number from {low:g} to {high:g}")


def _seconds(name: str, value: str) -> None:
    _number(name, value, 0.001, 3_600)


def _count(name: str, value: str) -> None:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise _wrong(name, value, "it has to be a whole number above 0")


def _file(name: str, value: str) -> None:
    if "\0" in value or not Path(value).is_file():
        raise _wrong(name, value, "there is no such file")


def _both(name: str, check: Callable[[str, str], None]) -> dict[str, Callable[[str, str], None]]:
    """For all signals, and for traces alone."""
    return {f"OTEL_EXPORTER_OTLP_{name}": check, f"OTEL_EXPORTER_OTLP_TRACES_{name}": check}


_CHECKS: Final[Mapping[str, Callable[[str, str], None]]] = {
    **_both("ENDPOINT", _url),
    **_both("PROTOCOL", _protocol),
    **_both("HEADERS", _pairs),
    **_both("TIMEOUT", _seconds),
    **_both("COMPRESSION", _one_of(COMPRESSIONS)),
    **_both("CERTIFICATE", _file),
    **_both("CLIENT_CERTIFICATE", _file),
    **_both("CLIENT_KEY", _file),
    "OTEL_TRACES_SAMPLER": _one_of(SAMPLERS),
    "OTEL_RESOURCE_ATTRIBUTES": _pairs,
    **{
        f"OTEL_BSP_{name}": _count
        for name in ("SCHEDULE_DELAY", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE", "EXPORT_TIMEOUT")
    },
}
