"""The extensions, in the order in which they are asked. To add one: import it and put an instance in the list.

An extension answers with a `Result`, a rewritten `Statement`, or None (not mine). Statements nobody answers go to fakesnow.
An extension may have `start(engine)` and `stop()`: called when serving begins and ends.
"""

from __future__ import annotations

from local_stack.endpoint.ddl.containers import Containers
from local_stack.endpoint.ddl.describe import DescribeTable
from local_stack.endpoint.ddl.show_objects import ShowObjects
from local_stack.endpoint.ddl.tables import Tables
from local_stack.endpoint.engine import Engine
from local_stack.endpoint.objects import Objects
from local_stack.endpoint.parameters import SessionParameters
from local_stack.endpoint.procedures import Procedures
from local_stack.endpoint.refusals import Refusals
from local_stack.endpoint.snowpark_text import SnowparkText
from local_stack.endpoint.stages.ddl import StageDefinitions
from local_stack.endpoint.stages.files import StagedFiles
from local_stack.endpoint.stages.load import CopyIntoStatements
from local_stack.endpoint.statements import Extension
from local_stack.endpoint.tasks import Tasks
from local_stack.endpoint.use import UseStatements


def build_extensions(engine: Engine) -> list[Extension]:
    """The chain of one endpoint; extensions that keep state in the catalog get it as `engine.catalog`."""
    del engine
    return [
        SnowparkText(),
        Procedures(),
        Tasks(),
        Objects(),
        SessionParameters(),
        UseStatements(),
        Containers(),
        Tables(),
        DescribeTable(),
        ShowObjects(),
        StageDefinitions(),
        StagedFiles(),
        CopyIntoStatements(),
        Refusals(),
    ]
