"""The catalog's statements and migrations on PostgreSQL: indexed, run by a command, once, never backwards."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from heavylift.catalog import UnfitCatalog, migrate_catalog, migrating, open_catalog
from heavylift.catalog.queries import load_queries, to_pyformat
from heavylift.service.ports import StorageDown
from tests.contract.catalog_facts import finish, stored_upload
from tests.contract.engines_postgres import Server
from tests.contract.test_catalog_schema import OPERATORS, SORTING, parameters_of

ROOT = Path(__file__).parents[2]

FIRST = ["alembic_version", "projects", "api_keys", "uploads", "files", "parts", "garbage", "heartbeat"]
"""The tables of the first schema."""

ALLOWED = {name: {"Sort"} for name in SORTING}
"""What a plan over empty tables may do all the same."""


@pytest.fixture(params=["18", "15"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(f"postgres_{request.param}")
    return found


@pytest.fixture(scope="module")
def planner(postgres_18: Server) -> Iterator["psycopg.Connection[Any]"]:
    """A connection whose planner walks through a table, or sorts, only if there is no other way."""
    with psycopg.connect(postgres_18.fresh(), cursor_factory=psycopg.ClientCursor) as connection:
        for way in ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort"):
            connection.execute(f"SET {way} = off".encode())
        yield connection


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a plan."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from steps(inner)


def wasteful(connection: "psycopg.Connection[Any]", statement: str) -> list[str]:
    """The steps of its plan that read a whole table or a whole index, or sort."""
    parameters = dict.fromkeys(parameters_of(statement), "1")
    explain = f"EXPLAIN (FORMAT JSON) {to_pyformat(statement)}".encode()
    [(answer,)] = connection.execute(explain, parameters).fetchall()
    found = []
    for step in steps(answer[0]["Plan"]):
        kind, condition = step["Node Type"], "Index Cond" in step
        if kind in ("Seq Scan", "Sort", "Incremental Sort") or (kind.startswith("Index") and not condition):
            found.append(kind)
    return found


@pytest.mark.parametrize("name", sorted(set(load_queries()) - OPERATORS))
def test_no_statement_reads_a_whole_table_or_sorts(planner: "psycopg.Connection[Any]", name: str) -> None:
    assert set(wasteful(planner, load_queries()[name])) <= ALLOWED.get(name, set())


def test_a_plan_without_an_index_would_be_noticed(planner: "psycopg.Connection[Any]") -> None:
    assert wasteful(planner, "SELECT * FROM uploads WHERE filename = :x") == ["Seq Scan"]
    assert wasteful(planner, "SELECT * FROM uploads WHERE project = :x ORDER BY filename") == ["Sort"]
    assert wasteful(planner, "SELECT * FROM uploads ORDER BY id LIMIT 1") == ["Index Scan"]


def migrate(url: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "heavylift.cli", "migrate", "--json"]
    return subprocess.Popen(
        command, cwd=ROOT, env={"HEAVYLIFT_CATALOG": url, "HEAVYLIFT_DATA": "/tmp"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


async def use(url: str) -> None:
    catalog = open_catalog(url)
    upload, parts = await stored_upload(catalog, 1, 2)
    assert await finish(catalog, upload, parts)
    await catalog.close()


def test_of_commands_that_run_at_once_one_migrates(server: Server) -> None:
    url = server.empty()
    commands = [migrate(url) for _ in range(4)]
    answers = [json.loads(command.communicate(timeout=120)[0]) for command in commands]
    assert sorted(answer["before"] or "" for answer in answers) == ["", *[migrating.HEAD] * 3]
    assert {answer["after"] for answer in answers} == {migrating.HEAD}
    asyncio.run(use(url))


def test_a_start_does_not_migrate_but_says_what_to_do(server: Server) -> None:
    url = server.empty()
    with pytest.raises(UnfitCatalog, match="Run `heavylift migrate`"):
        open_catalog(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


def make_old(connection: "psycopg.Connection[Any]") -> None:
    """The schema of the first migration."""
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)"
    for (table,) in connection.execute(tables, [FIRST]).fetchall():
        connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(table)))
    connection.execute("DROP INDEX uploads_overdue")
    connection.execute("ALTER TABLE garbage DROP COLUMN why")
    connection.execute("UPDATE alembic_version SET version_num = '0001'")


def test_an_older_schema_is_for_the_command(url: str) -> None:
    with psycopg.connect(url) as connection:
        make_old(connection)
    with pytest.raises(UnfitCatalog, match="Run `heavylift migrate`"):
        open_catalog(url)
    assert migrate_catalog(url) == ("0001", migrating.HEAD)
    asyncio.run(use(url))


def test_a_newer_schema_that_this_version_can_use_is_used_and_left_as_it_is(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE uploads ADD COLUMN colour TEXT")
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    asyncio.run(use(url))
    assert migrate_catalog(url) == ("9999", "9999")


def test_a_newer_schema_that_this_version_cannot_use_is_refused(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE compatibility SET least = '9998'")
    for refuse in (open_catalog, migrate_catalog):
        with pytest.raises(UnfitCatalog, match=r"newer version of heavylift.*Install"):
            refuse(url)


def test_a_database_of_another_program_is_refused_and_left_as_it_is(server: Server) -> None:
    url = server.empty()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    for refuse in (open_catalog, migrate_catalog):
        with pytest.raises(UnfitCatalog, match="another program"):
            refuse(url)


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_18: Server) -> None:
    postgres_18.ask("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(UnfitCatalog, match=r"LATIN1.*UTF8"):
        migrate_catalog(postgres_18.url("latin"))


def test_a_role_that_may_not_create_tables_is_told_so(postgres_18: Server) -> None:
    url = postgres_18.empty()
    postgres_18.ask("CREATE ROLE reader LOGIN")
    with pytest.raises(StorageDown, match="permission denied"):
        migrate_catalog(url.replace("postgres@", "reader@"))
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


def test_a_migration_does_not_keep_others_waiting_behind_it(url: str) -> None:
    """It gives up when it cannot have its turn with a table soon, and can be run again."""
    with psycopg.connect(url) as connection:
        make_old(connection)
        connection.commit()
        connection.execute("LOCK TABLE alembic_version IN SHARE MODE")
        with pytest.raises(StorageDown, match="lock timeout"):
            migrate_catalog(url)
    assert migrate_catalog(url) == ("0001", migrating.HEAD)
