"""What all of nbkeras's magics have: a shell and the defaults of ``%config``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import Magics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbkeras.magics.config import NBKeras


class NotebookMagics(Magics):
    """A family of magics in one notebook."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, config: NBKeras) -> None:
        """Join a shell."""
        super().__init__(shell)
        self.defaults = config
