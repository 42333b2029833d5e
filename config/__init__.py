"""The configuration: what can be set (settings), and how it is read (reading, plain_yaml)."""

from config.reading import ConfigError, load
from config.settings import Config

__all__ = ["Config", "ConfigError", "load"]
