"""The process that serves the embedded model: llama.cpp's own OpenAI-compatible server, on loopback.

A process of its own, because llama.cpp's threads would compete with our event loop for the interpreter, and a fault
in native code must not take the run with it. It ends when its standard input does, so it cannot outlive us.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any

# Before the import: llama.cpp's worker threads spin between tokens, and with other work on the machine the default
# costs an order of magnitude.
os.environ["OMP_WAIT_POLICY"] = "passive"


def serve(config: dict[str, Any]) -> None:
    """Serve until standard input ends.

    Args:
        config: ``model`` (path), ``key`` (the secret that every call must carry), ``slots`` (calls at once),
            ``context`` (tokens of all slots together) and ``alias`` (the model's name).
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = config["model"]
    params.model_alias = {config["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [config["key"]]
    params.n_parallel = config["slots"]
    params.n_ctx = config["context"]
    threads = max(1, min(config["threads"], os.cpu_count() or 1))
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 128
    params.ui = False
    params.verbosity = -1
    params.warmup = False
    server = xllamacpp.Server(params)
    print(json.dumps({"url": server.listening_address}), flush=True)
    sys.stdin.read()
    os._exit(0)  # llama.cpp's own shutdown waits for calls that nobody wants any more


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    serve(json.loads(sys.stdin.readline()))
