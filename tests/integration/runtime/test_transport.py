"""Who can reach the host at all: modes of sockets, TLS, and addresses that would let strangers in."""

from __future__ import annotations

import grp
import stat
from pathlib import Path
from typing import Any

import pytest
import trustme

from creator.runtime import Credentials, HardenedHost
from sandbox.errors import RecipientLost
from sandbox.runtime import HardenedRuntime
from sandbox.runtime.wire import Tls
from tests.conftest import REPOSITORY
from tests.integration.runtime.conftest import OpenHouse
from tests.integration.runtime.house import House


async def test_a_unix_socket_is_for_its_owner_and_its_group(house: House) -> None:
    assert stat.S_IMODE(house.host.socket.stat().st_mode) == 0o660
    group = grp.getgrall()[0].gr_gid
    try:
        house.host.admit_group(group)
    except PermissionError:
        group = house.host.socket.stat().st_gid  # only root may give it to a group that it is not in
        house.host.admit_group(group)
    assert house.host.socket.stat().st_gid == group
    await house.worker("bob")
    assert (await house.ask(value=2)).value == 2


class Files:
    """An authority, and the files of a host and a client that it has signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.authority_file = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(self.authority_file)

    def pair(self, name: str, authority: trustme.CA | None = None) -> dict[str, Path]:
        issued = (authority or self.authority).issue_cert(name)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        issued.private_key_pem.write_to_path(key)
        for number, pem in enumerate(issued.cert_chain_pems):
            pem.write_to_path(certificate, append=number > 0)
        return {"certificate": certificate, "key": key}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def test_tls_with_a_certificate_of_the_host(open_house: OpenHouse, files: Files) -> None:
    client = Tls(authority=files.authority_file)
    async with open_house("localhost:0", tls=Tls(**files.pair("localhost")), client={"tls": client}) as house:
        await house.worker("bob", tls=client)
        assert (await house.ask(value=2)).value == 2
        for other in (None, Tls()):  # in the clear, and with the system's authorities
            await unreachable(house, other)


async def test_mutual_tls(open_house: OpenHouse, files: Files) -> None:
    host = Tls(**files.pair("localhost"), authority=files.authority_file)
    client = Tls(**files.pair("client"), authority=files.authority_file)
    stranger = Tls(**files.pair("stranger", trustme.CA()), authority=files.authority_file)
    async with open_house("localhost:0", tls=host, client={"tls": client}) as house:
        await house.worker("bob", tls=client)
        assert (await house.ask(value=2)).value == 2
        for other in (Tls(authority=files.authority_file), stranger):
            await unreachable(house, other)


async def test_a_certificate_of_another_name_is_refused_unless_it_is_expected(
    open_house: OpenHouse, files: Files
) -> None:
    named = Tls(authority=files.authority_file, server_name="ideas.example")
    host = Tls(**files.pair("ideas.example"))
    async with open_house("localhost:0", tls=host, client={"tls": named}) as house:
        await unreachable(house, Tls(authority=files.authority_file))


async def unreachable(house: House, tls: Tls | None) -> None:
    runtime = HardenedRuntime(house.host.address, credential="none", tls=tls)
    with pytest.raises(RecipientLost):
        await runtime.start()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"address": "0.0.0.0:50051"}, "would admit strangers"),
        ({"address": "0.0.0.0:50051", "credentials": Credentials()}, "in the clear"),
        ({"address": "ideas.example:50051"}, "would admit strangers"),
        ({"address": "unix:/" + "x" * 110}, "at most 107 bytes"),
        ({"address": "unix:/tmp/s", "tls": Tls()}, "TLS is for TCP"),
        ({"address": "localhost"}, "is no address"),
        ({"address": "localhost:http"}, "is no address"),
    ],
)
def test_an_address_that_cannot_be_used_safely_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        HardenedHost(**options)


@pytest.mark.parametrize("address", ["localhost:1", "127.0.0.1:1", "127.5.5.5:1", "[::1]:1"])
def test_loopback_may_be_used_without_credentials(address: str) -> None:
    assert HardenedHost(address).address == address


def test_missing_tls_files_are_named(tmp_path: Path, files: Files) -> None:
    pair = files.pair("localhost")
    with pytest.raises(ValueError, match=r"nowhere\.pem"):
        Tls(authority=tmp_path / "nowhere.pem").channel_credentials()
    with pytest.raises(ValueError, match="a certificate and its key"):
        Tls(certificate=pair["certificate"]).server_credentials()
    with pytest.raises(ValueError, match="go together"):
        Tls(key=pair["key"]).channel_credentials()


def test_what_the_reference_shows_can_be_written() -> None:
    page = (REPOSITORY / "docs" / "reference" / "runtime.md").read_text("utf-8")
    (block,) = [part for part in page.split("```") if part.startswith("python\n") and "HardenedHost(" in part]
    shown: dict[str, Any] = {}
    exec(block.removeprefix("python\n"), shown)
    assert isinstance(shown["host"], HardenedHost) and isinstance(shown["runtime"], HardenedRuntime)
