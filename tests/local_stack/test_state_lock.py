"""One demo or run at a time works in a state folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_stack.errors import BusyError
from local_stack.layout import Layout
from local_stack.state_lock import alone


def test_a_second_one_is_told_of_the_first(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    with alone(layout):
        with pytest.raises(BusyError, match=r"another demo or run works in .*state: wait for its end"), alone(layout):
            pass
        with alone(Layout(tmp_path / "other")):
            pass
    with alone(layout):
        pass
