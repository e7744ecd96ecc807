"""The live page: runs, their agents and ideas in a browser, made from the files of the runs alone."""

from creator.web.app import make_app

__all__ = ["make_app"]
