"""Authors turn a brief into a checked module."""

from creator.authors.base import Author, Pen, checked
from creator.authors.fill import TemplateAuthor

__all__ = ["Author", "Pen", "TemplateAuthor", "checked"]
