"""`./run bench [--short] [name ...]`: measure, and print one line for each figure."""

import click

from bench.ground import database
from bench.measures import MEASURES
from bench.sizes import SHORT, USUAL


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASURES)))
@click.option("--short", is_flag=True, help="So little that it tells only whether every measure works.")
def main(names: tuple[str, ...], *, short: bool) -> None:
    """Run the named measures, all of them without a name; each on a database of its own."""
    for name in names or MEASURES:
        with database() as url:
            for what, (value, unit) in MEASURES[name](url, SHORT if short else USUAL).items():
                click.echo(f"{what:<24} {value:>12,.2f} {unit}")


main()
