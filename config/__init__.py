"""The configuration: what can be set (settings), how it is read (reading), what is in force (current)."""

from config.current import Current, Taken
from config.reading import ConfigError, load
from config.settings import Config

__all__ = ["Config", "ConfigError", "Current", "Taken", "load"]
