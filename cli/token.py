"""`token USER`: a signed token for trying out the API."""

import click

import config
from api import auth
from jobs.errors import SetupError


@click.command()
@click.argument("user")
@click.option("--operator", is_flag=True, help="May see and steer the jobs of all users.")
@click.option(
    "--days",
    type=click.FloatRange(min=0.001, max=3650),
    default=30,
    show_default=True,
    help="How long the token is valid.",
)
def token(user: str, *, operator: bool, days: float) -> None:
    """Print a token for USER, signed with JWT_SECRET or else with this host's development key."""
    try:
        settings = config.load()
        secret = _secret(settings)
    except (config.ConfigError, SetupError) as error:
        raise click.ClickException(str(error)) from None
    try:
        click.echo(auth.issue(secret, user, operator=operator, ttl_s=days * 86400, rules=settings.api.auth))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="USER") from None


def _secret(settings: config.Config) -> str:
    given, algorithm = settings.environment.jwt_secret, settings.api.auth.algorithm
    if settings.api.auth.has_key_set:
        raise SetupError(f"api.auth.algorithm is {algorithm}: only your provider signs tokens; sign in there")
    if given is None:
        click.echo("JWT_SECRET is not set: signed with this host's development key", err=True)
        return auth.development_secret(settings.environment.data_dir)
    auth.check_exposure(settings.bind, given.get_secret_value())
    return given.get_secret_value()
