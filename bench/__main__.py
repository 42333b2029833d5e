"""`./run bench [name ...]`: measure, and print one line for each figure."""

import click

from bench.ground import database
from bench.measures import MEASURES


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASURES)))
def main(names: tuple[str, ...]) -> None:
    """Run the named measures, all of them without a name; each on a database of its own."""
    for name in names or MEASURES:
        with database() as url:
            for what, (value, unit) in MEASURES[name](url).items():
                click.echo(f"{what:<24} {value:>12,.2f} {unit}")


main()
