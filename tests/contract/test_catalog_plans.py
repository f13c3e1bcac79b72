"""What each statement reads, counted over filled and analysed tables of both databases: never the whole."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from psycopg.types.numeric import Int8Dumper

from heavylift.catalog import postgres_session
from heavylift.catalog.queries import TOKEN, load_queries
from tests.contract.catalog_filled import FILLED, FRESH, MANY, VALUES, columns_of
from tests.contract.engines_postgres import Server

OPERATORS = {"list_projects", "list_keys", "list_keys_of_project"}
"""They list everything there is, and are asked by operators alone."""

NAMES = sorted(set(postgres_session.spelled()) - OPERATORS)

ROWS = 100
"""The most that a statement may read: a page of 20, out of two walks, and of what is overdue 10 of a kind."""

STEPS = 6_000
"""The most steps of SQLite's machine. It takes five or more for each row that it looks at, of MANY."""


def parameters_of(name: str, statement: str) -> Mapping[str, Any]:
    """Values for a statement: its own, or else those by the names of its parameters."""
    own = FRESH.get(name, {})
    names = {token["name"] for token in TOKEN.finditer(statement) if token["name"]}
    return {one: own.get(one, VALUES[one]) for one in names}


@pytest.fixture(scope="module")
def in_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    from heavylift.catalog import migrate_catalog

    path = tmp_path_factory.mktemp("plans") / "catalog.sqlite"
    migrate_catalog(f"sqlite:///{path}")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    for table, rows in FILLED.items():
        columns = columns_of(table)
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows())
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def in_postgres(postgres_18: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_18.fresh()) as connection:
        connection.adapters.register_dumper(int, Int8Dumper)
        for table, rows in FILLED.items():
            command = f"COPY {table} ({', '.join(columns_of(table))}) FROM STDIN"
            with connection.cursor().copy(command.encode()) as copy:
                for row in rows():
                    copy.write_row(row)
        connection.execute("ANALYZE")
        connection.commit()
        yield connection


def steps(connection: sqlite3.Connection, statement: str, parameters: Mapping[str, Any]) -> int:
    """Steps that SQLite takes, in tens. What the statement changes is taken back."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 10
        return 0

    connection.execute("BEGIN")
    connection.set_progress_handler(count, 10)
    try:
        connection.execute(statement, parameters).fetchall()
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute("ROLLBACK")
    return taken


def rows_read(plan: Mapping[str, Any]) -> int:
    """Rows that a plan's scans have looked at, those that they threw away too."""
    looked_at = 0
    if plan["Node Type"].endswith("Scan") and plan["Node Type"] not in {"CTE Scan", "Subquery Scan"}:
        found = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        looked_at = round(sum(plan.get(name, 0) for name in found) * plan["Actual Loops"])
    return looked_at + sum(rows_read(inner) for inner in plan.get("Plans", ()))


def explained(connection: psycopg.Connection, statement: bytes, parameters: Mapping[str, Any]) -> Any:
    """The plan of a statement that has run. What it changed is taken back."""
    try:
        answer = connection.execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters)
        [[plans]] = answer.fetchall()
        return plans[0]["Plan"]
    finally:
        connection.rollback()


@pytest.mark.parametrize("name", NAMES)
def test_no_statement_takes_more_steps_in_sqlite_than_its_answer_needs(
    in_sqlite: sqlite3.Connection, name: str
) -> None:
    statement = load_queries()[name]
    assert steps(in_sqlite, statement, parameters_of(name, statement)) <= STEPS


@pytest.mark.parametrize("name", NAMES)
def test_no_statement_reads_more_rows_in_postgresql_than_its_answer_needs(
    in_postgres: psycopg.Connection, name: str
) -> None:
    parameters = parameters_of(name, load_queries()[name])
    plan = explained(in_postgres, postgres_session.spelled()[name], parameters)
    assert rows_read(plan) <= ROWS, json.dumps(plan, indent=1)


def test_a_walk_through_a_table_would_be_counted(
    in_sqlite: sqlite3.Connection, in_postgres: psycopg.Connection
) -> None:
    walk = "SELECT * FROM uploads WHERE project = 'p' AND filename = 'none' ORDER BY id LIMIT 20"
    assert steps(in_sqlite, walk, {}) > STEPS
    assert rows_read(explained(in_postgres, walk.encode(), {})) > MANY - ROWS
