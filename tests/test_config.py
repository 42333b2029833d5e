"""The configuration: read whole, checked whole, refused whole."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import config
from config.checking import places
from config.settings import SECRETS, Settings

SHIPPED = Path(__file__).parent.parent / "config.yaml"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config.yaml"


def load(file, text="", **environ: str):
    file.write_text(text, encoding="utf-8")
    return config.load(file, environ)


def faults(file, text="", **environ: str):
    """The lines of the refusal, without the folder of the file."""
    with pytest.raises(config.ConfigError) as refusal:
        load(file, text, **environ)
    return str(refusal.value).replace(f"{file.parent}/", "").splitlines()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "scheduler:\njobs: {backoff: }\n"])
def test_an_empty_file_means_all_defaults(file, text):
    assert load(file, text).model_dump(exclude={"environment"}) == Settings().model_dump()


def test_all_faults_are_told_at_once(file):
    text = """
        scheduler: {reap_every_s: -1, leese_s: 4, embedded: 1}
        jobs: {backoff: {jitter: 2, factor: .nan}, deadline_s: .inf, max_retries: 2.5, run_timeout_s: {draw: 0}}
        log: {level: loud}
        api: 5
        provider: {model: 7, base_url: "http://user:hush@host"}
        handlers: [not-a-module]
        shceduler: {}
    """
    assert faults(file, text, YARD_API__PORT="1", YARD_JOBS__RETENTION_DAYS="soon", YARD_LOG__FROMAT="json") == [
        "config.yaml: scheduler.embedded: must be true or false (got 1)",
        "config.yaml: scheduler.reap_every_s: must be > 0 (got -1)",
        "config.yaml: scheduler.leese_s: unknown setting; did you mean lease_s?",
        "config.yaml: jobs.max_retries: must be a whole number (got 2.5)",
        "config.yaml: jobs.backoff.factor: must be <= 10 (got nan)",
        "config.yaml: jobs.backoff.jitter: must be <= 1 (got 2)",
        "config.yaml: jobs.deadline_s: must be <= 31622400 (got inf)",
        "config.yaml: jobs.run_timeout_s.draw: must be > 0 (got 0)",
        "YARD_JOBS__RETENTION_DAYS: must be a number (got 'soon')",
        "config.yaml: provider.base_url: must be an http:// or https:// address without a user name or password",
        "config.yaml: provider.model: must be text (put it in quotes) (got 7)",
        "config.yaml: api: must be a mapping of settings (got 5)",
        "config.yaml: log.level: must be 'debug', 'info', 'warning' or 'error' (got 'loud')",
        "config.yaml: handlers.0: must be a module's dotted name",
        "config.yaml: shceduler: unknown setting; did you mean scheduler?",
        "YARD_LOG__FROMAT: unknown setting; did you mean YARD_LOG__FORMAT?",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("log:\n  level: [", "line 2, column 11: expected the node content, but found '<stream end>'"),
        ("just text", "must be a mapping of sections"),
        ("#" * 300_000, "must be at most 262144 bytes long"),
    ],
    ids=["syntax", "text", "size"],
)
def test_a_file_that_is_no_configuration_is_refused(file, text, fault):
    assert faults(file, text) == [f"config.yaml: {fault}"]


def test_a_file_that_cannot_be_read_is_told_with_the_way_out(file, tmp_path):
    cure = "; YARD_CONFIG can name another file"
    for path, why in ((file, "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(config.ConfigError, match=re.escape(f"{path}: cannot be read: {why}{cure}")):
            config.load(path, {})
    file.write_bytes(b"log: \xff")
    with pytest.raises(config.ConfigError, match=r"must be UTF-8 text"):
        config.load(file, {})


def test_an_unreadable_file_hides_no_fault_of_the_environment_and_invents_none(file):
    told = faults(file, "a: [", YARD_JOBS__MAX_RETRIES="0", YARD_SCHEDULER__LEASE_S="1")
    assert told[1:] == ["YARD_JOBS__MAX_RETRIES: must be >= 1 (got 0)"]


def test_the_environment_wins_over_the_file(file):
    environ = {
        "YARD_SCHEDULER__POLL_EVERY_S": "0.5",
        "YARD_SCHEDULER__EMBEDDED": "false",
        "YARD_JOBS__BACKOFF__BASE_S": "10",
        "YARD_JOBS__RUN_TIMEOUT_S__CREATE_CANVAS": "60",
        "YARD_JOBS__MAX_CONCURRENT_JOBS": "null",
        "YARD_SCHEDULER__SEATS": "7",
        "YARD_HANDLERS": "[our_team.jobs]",
        "OPENAI_MODEL": "4.1",
        "OPENAI_BASE_URL": "http://localhost:11434/v1",
    }
    loaded = load(
        file, "scheduler: {poll_every_s: 9}\nprovider:\njobs: {backoff: , run_timeout_s: {default: 20}}", **environ
    )
    assert (loaded.scheduler.poll_every_s, loaded.scheduler.embedded) == (0.5, False)
    assert loaded.jobs.backoff.base_s == 10
    assert (loaded.run_timeout_s("create_canvas"), loaded.run_timeout_s("other")) == (60, 20)
    assert (loaded.jobs.max_concurrent_jobs, loaded.seats) == (None, 7)
    assert loaded.handlers == ("our_team.jobs",)
    assert (loaded.provider.model, loaded.provider.base_url) == ("4.1", "http://localhost:11434/v1")


def test_a_mapping_of_time_outs_without_a_default_keeps_the_default(file):
    loaded = load(file, "jobs: {run_timeout_s: {draw: 5}}")
    assert [loaded.run_timeout_s(name) for name in ("draw", "create_canvas")] == [5, 180]


@pytest.mark.parametrize(
    ("environ", "bind", "port"),
    [
        ({}, "127.0.0.1", 8000),
        ({"PORT": ""}, "127.0.0.1", 8000),
        ({"PORT": "3000"}, "0.0.0.0", 3000),
        ({"PORT": "3000", "YARD_API__BIND": "127.0.0.1"}, "127.0.0.1", 3000),
        ({"PORT": "3000", "YARD_API__PORT": "4000"}, "0.0.0.0", 4000),
    ],
)
def test_a_platforms_port_opens_the_api_to_its_proxy(file, environ, bind, port):
    loaded = load(file, "api: {bind: null, port: 8000}", **environ)
    assert (loaded.bind, loaded.api.port) == (bind, port)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("YARD_SCHEDULER__LEESE_S", "1", "unknown setting; did you mean YARD_SCHEDULER__LEASE_S?"),
        ("YARD_JWT_SECRET", "hush", "unknown setting"),
        ("YARD_DATABASE__URL", "hush", "unknown setting"),
        ("YARD_ENVIRONMENT__JWT_SECRET", "hush", "unknown setting"),
        ("YARD_", "hush", "unknown setting"),
        ("YARD_LOG", "{level: hush}", "must be one value or a list (text that holds ': ' needs quotes)"),
        ("YARD_API__BIND", "'hush", "not a YAML value: found unexpected end of stream"),
        ("YARD_HANDLERS", "[fine, 5]", "must be text (put it in quotes) (got 5)"),
        ("PORT", "http", "must be a whole number (got 'http')"),
        (
            "OPENAI_BASE_URL",
            "https://u:hush@h",
            "must be an http:// or https:// address without a user name or password",
        ),
    ],
)
def test_a_fault_of_the_environment_is_told_by_its_variable(file, name, value, fault):
    (told,) = faults(file, **{name: value})
    assert told.startswith(f"{name}: {fault}")
    assert "hush" not in told


LEASE = "scheduler.lease_s: must be at least 3 x scheduler.heartbeat_every_s"
LEADER = "scheduler.leader_ttl_s: must be at least 2 x scheduler.heartbeat_every_s"
CAP = "jobs.backoff.cap_s: must be at least jobs.backoff.base_s"
KEEP = "api.auth.jwks_keep_s: must be at least 2 x api.auth.jwks_refresh_s"
PLACES = "api.connections: must be at least 2 x api.threads"
SEATS = "scheduler.seats: must be set when jobs.max_concurrent_jobs is null or above 1000"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("scheduler: {lease_s: 14}", f"{LEASE} = 15 (got 14): a run must survive two lost heartbeats"),
        ("scheduler: {leader_ttl_s: 9}", f"{LEADER} = 10 (got 9): one heartbeat may get lost"),
        ("jobs: {backoff: {base_s: 7200}}", f"{CAP} = 7200 (got 3600): the cap would cut every wait"),
        ("jobs: {max_concurrent_jobs: null}", SEATS),
        ("jobs: {max_concurrent_jobs: 1001}", SEATS),
        ("api: {auth: {jwks_refresh_s: 86400}}", f"{KEEP} = 172800 (got 86400): one fetch of the keys may fail"),
        ("api: {threads: 501}", f"{PLACES} = 1002 (got 1000): idle and slow clients need places beside those served"),
    ],
)
def test_a_broken_rule_names_both_settings(file, text, fault):
    assert faults(file, text) == [f"config.yaml: {fault}"]
    assert faults(file, f"{text}\nlog: {{level: loud}}")[-1] == f"config.yaml: {fault}"


KEY_SET = {
    "algorithm": "RS256",
    "jwks_url": "https://id.example/keys",
    "issuer": "https://id.example",
    "audience": "yard",
}


@pytest.mark.parametrize("missing", ["jwks_url", "issuer", "audience"])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_key_set_needs_its_address_issuer_and_audience(file, missing, algorithm):
    given = {**KEY_SET, "algorithm": algorithm}
    assert load(file, yaml.safe_dump({"api": {"auth": given}})).api.auth.has_key_set
    del given[missing]
    (told,) = faults(file, yaml.safe_dump({"api": {"auth": given}}))
    assert told.startswith(f"config.yaml: api.auth.{missing}: must be set when api.auth.algorithm is {algorithm}: ")
    assert told.endswith("(docs/auth.md shows it)")


def test_a_key_set_that_nobody_would_look_at_is_refused(file):
    (told,) = faults(file, "api: {auth: {jwks_url: 'https://id.example/keys'}}")
    assert told.startswith("config.yaml: api.auth.jwks_url: has no use while api.auth.algorithm is HS256: choose RS256")


@pytest.mark.parametrize("algorithm", ["none", "HS512", "PS256", "rs256", "[HS256, RS256]"])
def test_no_other_algorithm_can_be_chosen(file, algorithm):
    (told,) = faults(file, f"api: {{auth: {{algorithm: {algorithm}}}}}")
    assert "api.auth.algorithm: must be 'HS256', 'RS256' or 'ES256'" in told


@pytest.mark.parametrize(
    "url",
    [
        "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        "https://id.example:8443/keys?tenant=a",
        "https://[2001:db8::1]/keys",
        "http://127.0.0.1:8080/keys",
        "http://localhost/keys",
        "http://[::1]:80",
    ],
)
def test_a_key_sets_address_is_encrypted_or_on_this_host(file, url):
    assert load(file, yaml.safe_dump({"api": {"auth": {**KEY_SET, "jwks_url": url}}})).api.auth.jwks_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example/keys",
        "http://10.0.0.1/keys",
        "http://127.0.0.1.id.example/keys",
        "http://localhost.id.example/keys",
        "http://localhost@id.example/keys",
        "https://user:hush@id.example/keys",
        "https://id.example/keys#part",
        "https://",
        "HTTPS://id.example",
        "file:///etc/passwd",
        "id.example/keys",
        "https://id.example/a key",
    ],
)
def test_a_key_sets_address_that_could_be_forged_or_tells_a_password_is_refused(file, url):
    (told,) = faults(file, yaml.safe_dump({"api": {"auth": {**KEY_SET, "jwks_url": url}}}))
    assert told.startswith("config.yaml: api.auth.jwks_url: must be an https:// address")
    assert "hush" not in told


def test_a_rule_is_judged_after_merging_and_not_over_a_faulty_side(file):
    assert load(file, "scheduler: {lease_s: 9}", YARD_SCHEDULER__HEARTBEAT_EVERY_S="3").scheduler.lease_s == 9
    assert load(file, "scheduler: {lease_s: 0.3, heartbeat_every_s: 0.1}").scheduler.lease_s == 0.3
    (told,) = faults(file, "scheduler: {lease_s: 9}", YARD_SCHEDULER__HEARTBEAT_EVERY_S="4")
    assert told.startswith("config.yaml: scheduler.lease_s: must be at least 3 x YARD_SCHEDULER__HEARTBEAT_EVERY_S")
    assert len(faults(file, "scheduler: {lease_s: 9, heartbeat_every_s: often}")) == 1
    assert len(faults(file, "jobs: {max_concurrent_jobs: many}")) == 1


def test_secrets_come_from_the_environment_and_never_show(file):
    loaded = load(file, **{name: f"hush-{name}" for name in SECRETS})
    assert loaded.environment.jwt_secret.get_secret_value() == "hush-JWT_SECRET"
    assert loaded.environment.database_url.get_secret_value() == "hush-DATABASE_URL"
    assert "hush" not in f"{loaded!r} {loaded} {loaded.model_dump_json()} {loaded.environment}"
    for name in SECRETS:
        (told,) = faults(file, f"{name}: hush")
        assert "hush" not in told


def test_what_was_loaded_cannot_be_changed(file):
    loaded = load(file)
    with pytest.raises(ValueError, match="frozen"):
        loaded.scheduler.poll_every_s = 1
    with pytest.raises(TypeError):
        loaded.jobs.run_timeout_s["default"] = 1


def test_the_variables_name_the_file_and_the_data_folder(file, monkeypatch, tmp_path):
    file.write_text("log: {level: debug}")
    loaded = config.load(environ={"YARD_CONFIG": str(file), "YARD_DATA_DIR": "/somewhere"})
    assert (loaded.log.level, loaded.environment.data_dir) == ("debug", Path("/somewhere"))
    monkeypatch.chdir(tmp_path)
    assert config.load(environ={}).log.level == "debug"


ODD = st.sampled_from(["0b_", "=", "1:30", "08", ".inf"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates(), ODD)
KEYS = st.one_of(st.sampled_from([key for place in places() for key in place]), st.text(max_size=5))
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
SNIPPETS = st.lists(
    st.sampled_from([*"{}[]:,-&*!|>'\"#%@`~=?\n\t 019ab_", "jobs: ", "\n  ", "!!set ", "0x", "\\ud800", "<<: "]),
    max_size=25,
).map("".join)


@given(text=TREES.map(yaml.safe_dump) | TREES.map(yaml.dump) | SNIPPETS | st.text(max_size=40))
def test_no_document_raises_anything_but_a_config_error(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        config.load(file, {})
    except config.ConfigError as refusal:
        str(refusal).encode()


@given(name=st.text(max_size=20) | KEYS | st.just("\udcff"), value=SNIPPETS | LEAVES.map(str))
def test_no_variable_raises_anything_but_a_config_error(name, value):
    try:
        config.load(SHIPPED, {f"YARD_{name}": value, "PORT": value, "OPENAI_BASE_URL": value})
    except config.ConfigError as refusal:
        str(refusal).encode()
