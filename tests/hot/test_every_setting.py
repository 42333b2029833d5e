"""No setting is left out: a test shows that it takes effect at once, or the table says that it waits for a restart."""

from config.checking import places
from config.settings import restart_reason
from tests.hot import kit
from tests.hot import test_api as _api
from tests.hot import test_jobs as _jobs
from tests.hot import test_logs as _logs
from tests.hot import test_provider as _provider
from tests.hot import test_server as _server
from tests.hot import test_timetable as _timetable

ALL = (_api, _jobs, _logs, _provider, _server, _timetable)  # importing them fills kit.SHOWN


def test_every_setting_is_shown_to_be_hot_or_waits_for_a_restart():
    hot = {".".join(map(str, place)) for place in places() if restart_reason(tuple(map(str, place))) is None}
    assert hot == kit.SHOWN
