"""Secrets are found wherever a user may put them, and masked in whatever form they come back."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.errors import UsageError
from creator.masking import (
    MASK,
    Mask,
    checked_key,
    public_url,
    secrets_of_config,
    secrets_of_environment,
    secrets_of_url,
)

KEY = "sk-canary/+=0123456789"


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        quote(KEY, safe="").lower(),
        KEY.replace("/", "\\/"),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(KEY.encode()).decode(),
        json.dumps({"Authorization": f"Bearer {KEY}"}),
    ],
)
def test_every_form_is_masked(form: str) -> None:
    mask = Mask([KEY])
    for masked in (mask.error(f"before {form} after"), mask.answer(f"before {form} after")):
        assert masked.startswith("before ")
        assert masked.endswith(" after")
        assert MASK in masked
        assert base64.b64encode(KEY.encode()).decode()[2:20] not in masked
        assert "canary" not in masked


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12), st.binary(), st.binary())
def test_base64_of_a_text_around_it_tells_nothing(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    masked = Mask([secret]).error(f"Basic {encoded}")
    assert MASK in masked
    assert secret not in masked


def test_a_short_key_of_a_local_server_spoils_no_answer_and_is_in_no_error() -> None:
    mask = Mask(["dummy", ""])
    assert mask.answer("a dummy for crash tests") == "a dummy for crash tests"
    assert mask.error("the key dummy is wrong") == f"the key {MASK} is wrong"
    assert Mask([]).error("as it is") == "as it is"


def test_a_key_that_is_part_of_another_cuts_none() -> None:
    assert Mask(["sk-12345678", "sk-12345678-tail"]).answer("x sk-12345678-tail y") == f"x {MASK} y"


def test_white_space_around_a_key_is_nobodys_intention() -> None:
    assert checked_key(f"  {KEY}\n", "X") == KEY
    assert checked_key(" \n", "X") == ""


@pytest.mark.parametrize("key", ["sk-a\nX-Evil: 1", "sk-ä", "sk a", "sk-\x00", "sk-\u2013dash"])
def test_a_key_that_no_header_can_carry_is_refused_without_quoting_it(key: str) -> None:
    with pytest.raises(UsageError, match="the key in OPENAI_API_KEY holds") as caught:
        checked_key(key, "OPENAI_API_KEY")
    assert key not in str(caught.value)
    assert "sk" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown", "secrets"),
    [
        ("https://host/v1", "https://host/v1", []),
        ("https://me:word@host:8/v1", "https://host:8/v1", ["word"]),
        ("https://me:p@ss@host/v1", "https://host/v1", ["p@ss"]),
        ("https://me:a%2Fb@host/v1", "https://host/v1", ["a%2Fb", "a/b"]),
        ("https://token@host/v1", "https://host/v1", ["token"]),
        ("https://host/v1?api_key=k&x=y", "https://host/v1", ["k", "y"]),
        ("https://host/v1?api-version=2024-10-21&k=s#f", "https://host/v1?api-version=2024-10-21", ["s"]),
        ("me:word@host:11434", "host:11434", ["word"]),
        ("http://[::1]:9/v1", "http://[::1]:9/v1", []),
        ("https://me:wo/rd@host", "(an address that cannot be read)", ["me:wo"]),
        ("https://[", "(an address that cannot be read)", []),
    ],
)
def test_what_of_an_address_is_shown(url: str, shown: str, secrets: list[str]) -> None:
    assert public_url(url) == shown
    if "wo/rd" not in url:
        assert secrets_of_url(url) == secrets


def test_what_of_a_component_file_is_secret() -> None:
    config = {
        "model": "gpt-x",
        "api_key": "k1",
        "azure_ad_token": "k2",
        "default_headers": {"X-Tenant": "k3", "Authorization": "Bearer k4"},
        "base_url": "https://me:k5@host/v1",
        "list": [{"client_secret": "k6"}, 7],
        "max_tokens": 100,
    }
    found = set(secrets_of_config(config))
    assert {"k1", "k2", "k3", "k4", "k5", "k6"} <= found
    assert found.isdisjoint({"gpt-x", "https://me:k5@host/v1"})


def test_keys_that_packages_find_by_themselves_are_secret_too() -> None:
    assert secrets_of_environment({"AZURE_OPENAI_API_KEY": "k ", "OLLAMA_API_KEY": "", "PATH": "/bin"}) == ["k"]
