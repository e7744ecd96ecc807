"""Agents that write agents: the trusted side."""

__version__ = "0.1.0"
