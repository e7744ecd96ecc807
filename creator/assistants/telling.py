"""What an assistant is told when something goes wrong: one line, without the host's paths and without keys."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from creator.errors import CreatorError, first_leaf
from creator.masking import Mask, secrets_of_environment
from creator.text import clean

LINE: Final = 500
"""Characters of one line that is told."""

_PATH: Final = re.compile(r"(?<![\w./:~…-])/(?:[^\s/'\"]+/)+([^\s/'\"]*)")
"""An absolute path of two parts or more; a URL is none."""


class Teller:
    """Takes paths of this machine and keys out of lines.

    Args:
        output: The folder of all runs.
        environ: Where keys may stand.
    """

    def __init__(self, output: Path, environ: Mapping[str, str]) -> None:
        folders = [output, Path.cwd(), Path.home(), Path(sys.prefix), Path(tempfile.gettempdir())]
        known = {str(form) for folder in folders for form in (folder.absolute(), folder.resolve())}
        self._known = sorted((one for one in known if len(one) > 1), key=len, reverse=True)
        self._mask = Mask(secrets_of_environment(environ))

    def line(self, text: str, limit: int = LINE) -> str:
        """The text as one line that tells nothing of this machine."""
        text = self._mask.error(clean(text, 4 * limit))
        for folder in self._known:
            text = text.replace(folder, "…")
        return clean(_PATH.sub(r"…/\1", text), limit)

    def error(self, error: BaseException) -> str | None:
        """An error that we raise on purpose as a line; None for any other, whose text is nobody's business."""
        if isinstance(error, BaseExceptionGroup):
            error = first_leaf(error)
        return self.line(str(error) or type(error).__name__) if isinstance(error, CreatorError) else None

    def mistake(self, error: ValidationError) -> str:
        """The first mistake in a request."""
        first: Any = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = str(first["msg"]).removeprefix("Value error, ")
        return self.line(f"Argument {clean(where, 60)!r}: {what[:1].lower()}{what[1:]}.")
