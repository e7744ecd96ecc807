"""AutoGen's gRPC host, mended and closed to strangers. Its worker twin is ``sandbox.runtime``."""

from creator.runtime.credentials import Credentials, Grant
from creator.runtime.host import HardenedHost
from creator.runtime.records import Admission, Counters, Exchange, Limits

__all__ = ["Admission", "Counters", "Credentials", "Exchange", "Grant", "HardenedHost", "Limits"]
