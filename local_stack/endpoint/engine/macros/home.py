"""Say where the macros live: in a database of the endpoint's own, whatever the session's is."""

from typing import Final

HOME: Final = "_fs_global.main."
