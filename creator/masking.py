"""Secrets of the user's: found in what a model is reached with, and masked in what comes back."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode, urlsplit, urlunsplit

from creator.errors import UsageError

MASK: Final = "***"
SHORTEST: Final = 8
"""Characters of a secret that is masked in answers too: a shorter one, as local servers take, may be a common word."""
READ_BY_CLIENTS: Final = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "OLLAMA_API_KEY",
)
"""Variables that the providers' packages read by themselves, whatever they are told."""

_SECRET_NAME: Final = re.compile(r"key|token|secret|password|credential|auth", re.IGNORECASE)
_HARMLESS_PARAMETERS: Final = frozenset({"api-version"})
_KEY: Final = re.compile(r"[!-~]+")


class Mask:
    """Takes secrets out of texts, in every form that a server sends them back in: percent-encoded, as base64, ...

    Args:
        secrets: What must not appear; empty ones are left out.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {secret for secret in secrets if secret}
        self._long = _in_order(form for secret in found if len(secret) >= SHORTEST for form in _forms(secret))
        self._all = _in_order([*self._long, *found])

    def error(self, text: str) -> str:
        """An error's text without secrets, however short they are."""
        return _masked(text, self._all)

    def answer(self, text: str) -> str:
        """A model's answer without secrets; short ones stay, since masking them could spoil any sentence."""
        return _masked(text, self._long)


def _in_order(forms: Iterable[str]) -> list[str]:
    """The longest first, so that none is cut by another that is a part of it."""
    return sorted(set(forms), key=lambda form: (-len(form), form))


def _masked(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield from (json.dumps(secret)[1:-1], secret.replace("/", "\\/"), repr(secret)[1:-1])
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield encoded
        yield re.sub("%..", lambda found: found[0].lower(), encoded)
    for inner in _in_base64(secret.encode("utf-8", "surrogateescape")):
        yield from (inner, inner.replace("+", "-").replace("/", "_"), inner.replace("/", "\\/"))


def _in_base64(data: bytes) -> Iterator[str]:
    """What of base64 a secret alone decides, wherever it begins: ``Basic`` encodes it behind a name and a colon."""
    for offset, mixed in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(offset) + data).decode("ascii").rstrip("=")
        yield encoded[mixed : len(encoded) - bool((offset + len(data)) % 3)]


def checked_key(value: str, where: str) -> str:
    """A provider's key, without white space around it.

    Args:
        value: The key.
        where: Where it stands, for the error; the error never quotes the key.

    Raises:
        UsageError: It holds what no header can carry, and what errors of the network would quote.
    """
    key = value.strip()
    if key and not _KEY.fullmatch(key):
        raise UsageError(
            f"the key in {where} holds a blank, a line break or a letter that no key has: copy it once more"
        )
    return key


def public_url(url: str) -> str:
    """An address as it may be shown and kept: without a name and a password, and without parameters that may be keys.

    Args:
        url: The address; one that cannot be read is not shown at all.
    """
    scheme, mark, rest = url.rpartition("://")
    try:
        parts = urlsplit(f"//{rest}")
        _ = parts.port  # a password with a slash in it ends up here
    except ValueError:
        return "(an address that cannot be read)"
    parameters = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] in _HARMLESS_PARAMETERS]
    shown = urlunsplit(("", parts.netloc.rpartition("@")[2], parts.path, urlencode(parameters), ""))
    return f"{scheme}{mark}{shown.removeprefix('//')}"


def secrets_of_url(url: str | None) -> list[str]:
    """What of an address is secret: its password, or the name when it stands alone, and its parameters."""
    if not url:
        return []
    try:
        parts = urlsplit(f"//{url.rpartition('://')[2]}")
    except ValueError:
        return []
    name, _, password = parts.netloc.rpartition("@")[0].partition(":")
    values = [value for key, value in parse_qsl(parts.query) if key not in _HARMLESS_PARAMETERS]
    found = [password or name, *values]
    return [form for value in found if value for form in dict.fromkeys((value, unquote(value)))]


def secrets_of_config(config: object, secret: bool = False) -> Iterator[str]:
    """What of the configuration of a client is secret: by its name, in headers and parameters, or in an address.

    Args:
        config: As a file holds it: mappings, lists and values.
        secret: Whether all texts in it are.
    """
    if isinstance(config, Mapping):
        for name, value in config.items():
            hidden = secret or bool(_SECRET_NAME.search(str(name))) or name in {"default_headers", "default_query"}
            yield from secrets_of_config(value, hidden)
    elif isinstance(config, list):
        for value in config:
            yield from secrets_of_config(value, secret)
    elif isinstance(config, str):
        if secret:
            yield from (config, config.rpartition(" ")[2])  # of "Bearer KEY" the key
        elif "://" in config:
            yield from secrets_of_url(config)


def secrets_of_environment(environ: Mapping[str, str]) -> list[str]:
    """The keys that providers' packages find in the environment by themselves."""
    return [environ[name].strip() for name in READ_BY_CLIENTS if environ.get(name)]
