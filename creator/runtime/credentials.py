"""Who may connect to the host, and as which agents."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

Role = Literal["trusted", "cell", "supervisor"]


@dataclass(frozen=True)
class Grant:
    """What one client may do.

    Attributes:
        client: A label for the ledger and for messages; not a secret.
        types: The agent names that this client may register and send as; None for any that nobody else has.
        role: ``trusted`` clients may send to anyone and start conversations; a ``cell`` may ask trusted agents
            that serve cells, and peers while it answers a request; the ``supervisor`` may only report.
    """

    client: str
    types: frozenset[str] | None
    role: Role

    def allows(self, name: str) -> bool:
        """Whether this client may register and send as ``name``."""
        return self.types is None or name in self.types


class Credentials:
    """The credentials of a run. Only their SHA-256 digests are kept, so that a lookup tells nothing by its time."""

    def __init__(self) -> None:
        self._grants: dict[bytes, Grant] = {}

    def issue(self, grant: Grant) -> str:
        """A new credential for ``grant``: 256 random bits in URL-safe text."""
        credential = secrets.token_urlsafe(32)
        self._grants[_digest(credential)] = grant
        return credential

    def check(self, credential: str) -> Grant | None:
        """The grant behind a credential, or None when it is unknown or revoked."""
        return self._grants.get(_digest(credential))

    def revoke(self, client: str) -> None:
        """Forget every credential of ``client``; `HardenedHost.disconnect` ends its connection as well."""
        for digest in [digest for digest, grant in self._grants.items() if grant.client == client]:
            del self._grants[digest]


def _digest(credential: str) -> bytes:
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
