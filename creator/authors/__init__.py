"""Authors turn a brief into a checked module."""

from creator.authors.base import Author, Pen, checked
from creator.authors.code import CodeAuthor
from creator.authors.fill import TemplateAuthor

__all__ = ["Author", "CodeAuthor", "Pen", "TemplateAuthor", "checked"]
