"""The catalog's statements and migrations: complete, indexed, run once, never backwards."""

import asyncio
import inspect
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from heavylift import catalog as package
from heavylift.catalog import (
    UnfitCatalog,
    migrate_catalog,
    migrating,
    open_catalog,
    sql_files,
    sql_idempotency,
    sql_keys,
    sql_moving,
    sql_upkeep,
    sql_uploads,
)
from heavylift.catalog.queries import DIRECTIONS, TOKEN, load_queries, to_pyformat
from heavylift.service.ports import Project
from tests.contract.catalog_facts import finish, stored_upload

ROOT = Path(__file__).parents[2]
OWN = ("CO-ROUTINE ", "MATERIALIZE ")
"""How a plan begins to name rows that the statement itself has made, and no table's."""

OPERATORS = {"list_projects", "list_keys"}
"""They list everything there is, and are asked by operators alone."""

SORTING = {"list_overdue", *(f"list_uploads_overdue_{way}" for way in DIRECTIONS)}
"""What is overdue and not swept, and nothing else, is sorted."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A migrated, empty database."""
    path = tmp_path / "catalog.db"
    asyncio.run(open_catalog(f"sqlite:///{path}").close())
    return path


def parameters_of(statement: str) -> set[str]:
    return {token["name"] for token in TOKEN.finditer(statement) if token["name"]}


@pytest.mark.parametrize("name", sorted(set(load_queries()) - OPERATORS))
def test_no_statement_reads_a_whole_table_or_sorts(path: Path, name: str) -> None:
    statement = load_queries()[name]
    connection = sqlite3.connect(path)
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN {statement}", dict.fromkeys(parameters_of(statement), 1)
    ).fetchall()
    connection.close()
    steps = [step[-1] for step in plan]
    rows_at_hand = {"CONSTANT ROW"} | {step.split(maxsplit=1)[-1] for step in steps if step.startswith(OWN)}
    assert not [step for step in steps if step.startswith("SCAN") and step[5:] not in rows_at_hand]
    assert name in SORTING or not [step for step in steps if "TEMP B-TREE" in step]


def test_a_plan_without_an_index_would_be_noticed(path: Path) -> None:
    connection = sqlite3.connect(path)
    plan = connection.execute("EXPLAIN QUERY PLAN SELECT * FROM uploads WHERE filename = 'x'").fetchall()
    connection.close()
    assert plan[0][-1].startswith("SCAN")


def test_every_statement_is_asked_and_every_one_asked_exists() -> None:
    asked = set()
    for module in (sql_uploads, sql_files, sql_upkeep, sql_keys, sql_idempotency, sql_moving):
        text = inspect.getsource(module)
        asked |= set(re.findall(r'(?:ask|ask_each|for_each)\(\s*"([a-z_]+)"', text))
        asked |= {f"{name}_{way}" for name in re.findall(r'towards\("([a-z_]+)"', text) for way in DIRECTIONS}
    assert asked == set(load_queries())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT :a, :b_c", "SELECT %(a)s, %(b_c)s"),
        ("SELECT ':a', 'it''s :b', :c", "SELECT ':a', 'it''s :b', %(c)s"),
        ("SELECT :a::text", "SELECT %(a)s::text"),
        ("SELECT '50%' WHERE x % :y = 0", "SELECT '50%%' WHERE x %% %(y)s = 0"),
    ],
)
def test_parameters_can_be_spelled_for_psycopg(ours: str, theirs: str) -> None:
    assert to_pyformat(ours) == theirs


@pytest.mark.parametrize("dialect", ["INSERT OR", "json_each", "rowid", "IFNULL", "datetime(", "GLOB", "{"])
def test_statements_keep_to_what_both_databases_understand(dialect: str) -> None:
    assert not [name for name, text in load_queries().items() if dialect.lower() in text.lower()]


def scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    return config


def test_head_is_the_newest_migration_and_the_only_one() -> None:
    assert ScriptDirectory.from_config(scripts()).get_heads() == [migrating.HEAD]


def run_python(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


OPEN = """
import asyncio, sys
from heavylift.catalog import open_catalog
async def main():
    catalog = open_catalog(sys.argv[1])
    await catalog.ping()
    await catalog.close()
asyncio.run(main())
"""


def test_of_processes_that_start_at_once_one_migrates(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    starts = [run_python("-c", OPEN, f"sqlite:///{path}") for _ in range(6)]
    for start in starts:
        start.communicate(timeout=60)
    assert [start.returncode for start in starts] == [0] * 6
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(migrating.HEAD,)]
    assert connection.execute("SELECT beats FROM heartbeat").fetchall() == [(6,)]
    connection.close()


def test_a_catalog_that_is_up_to_date_opens_without_the_migration_library(path: Path) -> None:
    program = f"{OPEN}\nassert not {{'alembic', 'sqlalchemy'}} & set(sys.modules)"
    start = run_python("-c", program, f"sqlite:///{path}")
    start.communicate(timeout=60)
    assert start.returncode == 0


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.execute("UPDATE compatibility SET least = '9998'")
    connection.commit()
    with pytest.raises(UnfitCatalog, match=r"newer version of heavylift.*Install"):
        open_catalog(f"sqlite:///{path}")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    connection.close()


def test_a_database_of_a_newer_version_that_this_one_can_use_is_opened_as_it_is(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE uploads ADD COLUMN colour TEXT")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    asyncio.run(use(f"sqlite:///{path}"))
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    connection.close()


async def use(url: str) -> None:
    catalog = open_catalog(url)
    upload, parts = await stored_upload(catalog, 1, 2)
    assert await finish(catalog, upload, parts)
    await catalog.close()


def test_an_older_database_is_brought_forward_with_all_that_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    config = scripts()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO projects VALUES ('proj_1', 'old', 1)")
    engine.dispose()
    assert migrate_catalog(f"sqlite:///{path}") == ("0001", migrating.HEAD)
    catalog = open_catalog(f"sqlite:///{path}")
    assert asyncio.run(catalog.projects()) == [Project(id="proj_1", name="old", created_at=1)]
    asyncio.run(catalog.close())
    asyncio.run(use(f"sqlite:///{path}"))


def test_every_migration_says_which_code_can_still_work_on_it() -> None:
    found = [
        (script.revision, script.module.least)
        for script in ScriptDirectory.from_config(scripts()).walk_revisions()
    ]
    assert all(least <= revision for revision, least in found)
    assert all(re.fullmatch(r"\d{4}", revision) for revision, _ in found), "they compare as text"


def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(UnfitCatalog, match="another program"):
        open_catalog(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_database_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be read as one\n" * 100)
    for name in ("notes.txt", "missing/catalog.db", "."):
        with pytest.raises(UnfitCatalog, match="cannot be opened"):
            open_catalog(f"sqlite:///{tmp_path}/{name}")


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its tables are made in one transaction: one that is denied takes all others with it."""
    path = tmp_path / "catalog.db"
    connection = sqlite3.connect(path, isolation_level=None)

    def deny_garbage(action: int, what: str | None, *_: object) -> int:
        denied = action == sqlite3.SQLITE_CREATE_TABLE and what == "garbage"
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

    connection.set_authorizer(deny_garbage)
    with pytest.raises(Exception, match="not authorized"):
        migrating.migrate_sqlite(connection, path=str(path))
    connection.set_authorizer(None)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    migrating.migrate_sqlite(connection, path=str(path))
    assert migrating.migrate_sqlite(connection, path=str(path)) == migrating.HEAD
    connection.close()
