"""Alembic's entry: it runs on the connection that jobs.db.migrate hands over, inside its transaction."""

from alembic import context

from jobs.db.migrate import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
