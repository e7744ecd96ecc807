"""A hand-made module that tries what a cell must not be able to do, and reports what came of it as an idea."""

from __future__ import annotations

from typing import Any

from tests.integration.test_spawn import sabotage

PROBE = """
import asyncio, glob, json, os, socket
from autogen_core import MessageContext, RoutedAgent, message_handler
from sandbox import kit

def tried(action):
    try:
        return repr(action())[:80]
    except BaseException as error:
        return type(error).__name__

FOUND = {
    "interfaces": tried(lambda: sorted(name for _, name in socket.if_nameindex())),
    "dns": tried(lambda: socket.gethostbyname("example.org")),
    "uid": tried(os.getuid),
    "write root": tried(lambda: open("/x", "w")),
    "write modules": tried(lambda: open("/run/agents/x.py", "w")),
    "environment": tried(lambda: sorted(name for name in os.environ if "KEY" in name or "CREATOR" in name)),
    "others' folders": tried(lambda: [os.listdir(f) for f in glob.glob("/tmp/*") if f != os.getcwd()]),
    "own folder": tried(lambda: open(os.path.join(os.getcwd(), "x"), "w").write("x")),
    "signal": tried(lambda: [os.kill(int(p), 0) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]),
    "become root": tried(lambda: os.setuid(0)),
    "groups": tried(lambda: len(os.getgroups())),
    "supervisor memory": tried(lambda: open("/proc/%d/mem" % os.getppid(), "rb")),
    "creator": tried(lambda: __import__("creator")),
    "docker socket": tried(lambda: os.path.exists("/var/run/docker.sock")),
    "capabilities": tried(lambda: [l for l in open("/proc/self/status") if l.startswith("CapEff")][0].split()[1]),
}

class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__("probe")
        self._name = name

    @message_handler
    async def introduce(self, message: kit.Hello, ctx: MessageContext) -> kit.Introduction:
        return kit.Introduction(name=self._name, sector="x")

    @message_handler
    async def propose(self, message: kit.ProposeRequest, ctx: MessageContext) -> kit.Proposal:
        text = json.dumps(FOUND)
        return kit.Proposal(idea=kit.Idea(
            title="probe", problem=text, customer="x", solution="x", revenue_model="x", first_step="x"))
"""


class Probing:
    """Makes an author whose first agent is the probe."""

    def __call__(self, world: Any) -> Any:
        author = sabotage()(world)
        kind = type(author)
        original = kind._source
        kind._source = lambda this, blueprint: PROBE if "handmade" in (text := original(this, blueprint)) else text
        return author
