"""A request's statements to its reply, around one step that is not ours: to have the questions answered."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sisock_http.dialects.influxql.plan import Ask, Plan, Planner
from sisock_http.dialects.influxql.points import Answers
from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.reading import Reader
from sisock_http.dialects.influxql.schema import Schema
from sisock_http.dialects.influxql.show import show
from sisock_http.dialects.influxql.tree import Refused, Select, Show, Statement

Answering = Callable[[Iterable[Ask]], Awaitable[Answers]]
Writing = Callable[[Plan, Answers, str], Awaitable[Any]]
MOST_STATEMENTS = 200


async def reply(
    reader: Reader,
    planner: Planner,
    text: str,
    database: str,
    epoch: str,
    schema: Schema,
    databases: tuple[str, ...],
    now_ns: int,
    answer: Answering,
    write: Writing,
) -> dict[str, Any]:
    """InfluxDB's reply to some statements.

    Parameters
    ----------
    reader : Reader
    planner : Planner
        For the databases that are ours.
    text : str
        Parameter ``q``.
    database, epoch : str
        Parameters ``db`` and ``epoch``, empty if not given.
    schema : Schema
        What there is.
    databases : tuple of str
        Names of ours.
    now_ns : int
        The present.
    answer : callable
        Answers questions.
    write : callable
        Makes the series of a SELECT's reply, of its plan, the answers and `epoch`; nothing if there are none.

    Raises
    ------
    ParseError
        If the text is no InfluxQL.
    """
    statements = reader.read(text)
    results: list[dict[str, Any]] = []
    failed = False
    for number, statement in enumerate(statements):
        result: dict[str, Any] = {"statement_id": number}
        results.append(result)
        if failed:
            result["error"] = "not executed"
            continue
        try:
            if number >= MOST_STATEMENTS:
                raise InfluxError(f"more than {MOST_STATEMENTS} statements")
            _check_database(statement, database, databases)
            made = await _series(statement, planner, epoch, schema, databases, now_ns, answer, write)
        except InfluxError as error:
            result["error"], failed = str(error), True
            continue
        if made:
            result["series"] = made
    # Grafana reads the first result, whatever was asked.
    return {"results": results or [{"statement_id": 0}]}


def _check_database(statement: Statement, database: str, databases: tuple[str, ...]) -> None:
    if isinstance(statement, Refused):
        raise InfluxError(statement.why)
    if isinstance(statement, Show) and (statement.database or statement.what == "DATABASES"):
        return
    if isinstance(statement, Select) and all(source.database for source in statement.sources):
        return
    if not database:
        raise InfluxError("database name required")
    if database not in databases:
        raise InfluxError(f"database not found: {database}")


async def _series(
    statement: Statement,
    planner: Planner,
    epoch: str,
    schema: Schema,
    databases: tuple[str, ...],
    now_ns: int,
    answer: Answering,
    write: Writing,
) -> Any:
    if isinstance(statement, Show):
        return show(statement, schema, databases, now_ns)
    assert isinstance(statement, Select)  # noqa: S101 (what is refused was refused)
    planned = planner.plan(statement, schema, now_ns)
    return await write(planned, await answer(planned.asks()), epoch)
