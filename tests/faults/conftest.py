import pytest

from tests.faults import table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One table at the end of a run in which faults happened."""
    if table.LINES:
        terminalreporter.section("faults")
        terminalreporter.write_line(table.HEAD)
        for line in table.LINES:
            terminalreporter.write_line(str(line))
