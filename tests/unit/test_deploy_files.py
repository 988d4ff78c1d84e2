"""What the platforms' files say, held against the Procfile and each other. Their shape is checked by `make lint`."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from core.proxies import proxies_of
from core.settings import Settings
from local import procfile
from scripts.dockerfile import ignored_anywhere, instructions, let_in
from scripts.image import WORKERS_HEALTH

ROOT = Path(__file__).parent.parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
COMMANDS = procfile.read(ROOT / "Procfile")


def _yaml(path: Path) -> list[Any]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _worker_commands() -> dict[str, str]:
    compose = _yaml(ROOT / "docker-compose.yml")[0]["services"]["worker"]
    (pod,) = (d["spec"]["template"]["spec"] for d in _yaml(KUBERNETES / "worker.yaml"))
    (container,) = pod["containers"]
    settings = " ".join(f"{entry['name']}={entry['value']}" for entry in container["env"])
    kept = " ".join(
        f"{name}={compose['environment'][name]}" for name in ("dramatiq_worker_timeout", "MALLOC_ARENA_MAX")
    )
    return {
        "docker-compose.yml": f"{kept} {compose['command'][-1].replace('$$', '$').removeprefix('exec ')}",
        "kubernetes": f"{settings} {' '.join(container['command'] + container['args'])}",
        "render.yaml": next(
            s["dockerCommand"] for s in _yaml(ROOT / "render.yaml")[0]["services"] if s["type"] == "worker"
        ).removeprefix("env "),
        "railway.worker.json": json.loads((ROOT / "railway.worker.json").read_text())["deploy"][
            "startCommand"
        ].removeprefix("env "),
    }


@pytest.mark.parametrize("where", ["docker-compose.yml", "kubernetes", "render.yaml", "railway.worker.json"])
def test_a_worker_is_started_by_the_procfiles_line_everywhere(where: str) -> None:
    ours = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", COMMANDS["worker"])
    theirs = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", _worker_commands()[where])
    assert " ".join(theirs.split()) == " ".join(ours.split())


def test_the_image_starts_web_by_the_procfiles_line() -> None:
    (command,) = [step.arguments for step in instructions((ROOT / "Dockerfile").read_text()) if step.word == "CMD"]
    assert " ".join(command) == COMMANDS["web"].replace("HOST=${HOST:-0.0.0.0} ", "").replace("'", "")


def test_every_platform_migrates_by_the_procfiles_line() -> None:
    (job,) = _yaml(KUBERNETES / "migrate.yaml")
    render = next(s for s in _yaml(ROOT / "render.yaml")[0]["services"] if s["type"] == "web")
    said = [
        " ".join(_yaml(ROOT / "docker-compose.yml")[0]["services"]["release"]["command"]),
        " ".join(job["spec"]["template"]["spec"]["containers"][0]["command"]),
        render["preDeployCommand"],
        *json.loads((ROOT / "railway.json").read_text())["deploy"]["preDeployCommand"],
    ]
    assert set(said) == {COMMANDS["release"]}


def test_each_setting_that_the_files_name_is_one() -> None:
    known = {name.upper() for name in Settings.__dataclass_fields__}
    (render,) = _yaml(ROOT / "render.yaml")
    (kustomization,) = _yaml(KUBERNETES / "kustomization.yaml")
    named = {
        "app.json": set(json.loads((ROOT / "app.json").read_text())["env"]),
        "render.yaml": {
            entry["key"]
            for part in [*render["services"], *render["envVarGroups"]]
            for entry in part.get("envVars", [])
            if "key" in entry
        },
        "kubernetes": {
            line.partition("=")[0]
            for line in [
                *kustomization["configMapGenerator"][0]["literals"],
                *_example_of_secrets(),
            ]
        },
        "docker-compose.yml": set(_yaml(ROOT / "docker-compose.yml")[0]["x-app"]["environment"]),
    }
    assert {where: names - known for where, names in named.items()} == {where: set() for where in named}


@pytest.mark.parametrize("claimed", ["", "198.51.100.66,"])
@pytest.mark.parametrize(
    ("platform", "sent"),
    [
        ("Heroku", "{claimed}203.0.113.9"),
        ("Render", "{claimed}203.0.113.9, 172.71.95.118, 10.19.64.237"),
        # What the client claims is thrown away.
        ("Railway", "203.0.113.9, 152.233.33.4"),
    ],
)
def test_a_platforms_callers_are_told_apart_whatever_they_claim(platform: str, sent: str, claimed: str) -> None:
    proxies = proxies_of(_trusted_proxies()[platform])
    assert proxies.client("10.0.0.7", sent.format(claimed=claimed)) == "203.0.113.9"


def _trusted_proxies() -> dict[str, str]:
    """What the files set, and where none can, what the document says."""
    (group,) = _yaml(ROOT / "render.yaml")[0]["envVarGroups"]
    said = re.findall(r"^\| (\w+) \| `client.*\| `(\d)`,", (ROOT / "docs" / "DEPLOYMENT.md").read_text(), re.MULTILINE)
    set_by_files = {
        "Heroku": json.loads((ROOT / "app.json").read_text())["env"]["TRUSTED_PROXIES"]["value"],
        "Render": next(entry["value"] for entry in group["envVars"] if entry["key"] == "TRUSTED_PROXIES"),
    }
    assert dict(said) == {"Railway": dict(said)["Railway"], **set_by_files}
    return dict(said)


# Of Postgres; a release, a one-off command and whoever looks on by psql want some of them.
_FOR_OTHERS = 4


def test_herokus_postgres_has_a_connection_for_each_thread() -> None:
    app = json.loads((ROOT / "app.json").read_text())
    assert app["addons"][0]["plan"] == "heroku-postgresql:essential-0"
    set_there = {name: entry["value"] for name, entry in app["env"].items() if "value" in entry}
    settings = Settings.from_env(set_there)
    web, worker = (app["formation"][name]["quantity"] for name in ("web", "worker"))
    # Its buildpack sets WEB_CONCURRENCY by the dyno's size, unless it is set.
    assert {"WEB_CONCURRENCY", "WORKER_PROCESSES", "WEB_THREADS", "WORKER_THREADS"} <= set_there.keys()
    assert _connections(settings, web, worker) + _FOR_OTHERS <= 20


def test_renders_postgres_has_a_connection_for_each_thread_while_a_release_replaces_another() -> None:
    (render,) = _yaml(ROOT / "render.yaml")
    assert render["databases"][0]["plan"] == "basic-256mb"
    # Of its 100 some ten are kept for Postgres itself.
    assert 2 * _connections(Settings.from_env({}), 1, 1) + _FOR_OTHERS <= 90


def _connections(settings: Settings, webs: int, workers: int) -> int:
    return (
        webs * settings.web_concurrency * settings.web_connections
        + workers * settings.worker_processes * settings.worker_connections
    )


def test_heroku_builds_with_the_images_python() -> None:
    (version,) = (ROOT / ".python-version").read_text().split()
    bases = {step.words[0] for step in instructions((ROOT / "Dockerfile").read_text()) if step.word == "FROM"}
    assert bases == {f"python:{version}-slim-bookworm"}


def test_what_stands_in_env_reaches_each_process_of_compose() -> None:
    services = _yaml(ROOT / "docker-compose.yml")[0]["services"]
    settings = {name.upper() for name in Settings.__dataclass_fields__}
    for name in ("release", "web", "worker"):
        assert services[name]["env_file"] == ".env"
        said = services[name]["environment"]
        assert said.keys() & settings == {"DATABASE_URL", "REDIS_URL", "API_KEYS", "LOG_FORMAT", "HOST", "PORT"}
        # What people may set is asked for, and given a default here if it has another.
        assert said["API_KEYS"].startswith("${API_KEYS:?")
        assert said["LOG_FORMAT"].startswith("${LOG_FORMAT:-")
    (published,) = services["web"]["ports"]
    assert published == f"127.0.0.1:${{PORT:-8000}}:{services['web']['environment']['PORT']}"


def test_every_variable_that_compose_asks_for_is_in_the_example() -> None:
    asked = re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text())
    example = re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(asked) <= set(example)


def _example_of_secrets() -> dict[str, str]:
    lines = (KUBERNETES / "secrets.env.example").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def test_the_example_of_secrets_names_the_authorities_of_postgres() -> None:
    options = conninfo_to_dict(_example_of_secrets()["DATABASE_URL"])
    # libpq knows none by itself, and refuses every connection then.
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/ssl/certs/ca-certificates.crt")


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl isn't installed, which puts the manifests together"
)
def test_the_manifests_can_be_put_together_with_the_example_of_secrets(tmp_path: Path) -> None:
    folder = shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    (folder / "secrets.env.example").rename(folder / "secrets.env")
    made = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    objects = list(yaml.safe_load_all(made.stdout))
    (secret,) = (each for each in objects if each["kind"] == "Secret")
    assert {name: base64.b64decode(value).decode() for name, value in secret["data"].items()} == _example_of_secrets()
    pods = [each["spec"]["template"]["spec"] for each in objects if each["kind"] in ("Deployment", "Job")]
    images = {container["image"].partition(":")[0] for pod in pods for container in pod["containers"]}
    assert images == {"registry.example.com/crypto-quotes"}


def test_only_workers_may_call_strangers_and_every_policy_is_for_pods_that_there_are() -> None:
    policies = {d["metadata"]["name"]: d["spec"] for d in _yaml(KUBERNETES / "network.yaml")}
    components = {
        d["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        for file in ("web.yaml", "worker.yaml", "migrate.yaml")
        for d in _yaml(KUBERNETES / file)
        if "template" in d["spec"]
    }
    to_anywhere = {
        name: {port["port"] for rule in spec.get("egress", []) if "to" not in rule for port in rule["ports"]}
        for name, spec in policies.items()
    }
    assert to_anywhere == {"crypto-quotes": {5432, 6379}, "worker": {443, 465, 587}, "web": set()}
    assert policies.pop("crypto-quotes")["podSelector"] == {}
    chosen = {spec["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for spec in policies.values()}
    assert chosen == {"web", "worker"} <= components


def test_the_kustomization_lists_every_manifest_and_nothing_else() -> None:
    (kustomization,) = _yaml(KUBERNETES / "kustomization.yaml")
    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files


def test_workers_are_asked_for_their_pulse_as_in_the_image_that_was_tried_out() -> None:
    asked = _yaml(ROOT / "docker-compose.yml")[0]["services"]["worker"]["healthcheck"]["test"]
    assert asked == ["CMD", *WORKERS_HEALTH]
    (container,) = _yaml(KUBERNETES / "worker.yaml")[0]["spec"]["template"]["spec"]["containers"]
    (folder,) = {step.rest for step in instructions((ROOT / "Dockerfile").read_text()) if step.word == "WORKDIR"}
    # Kubernetes runs probes in no folder that it promises.
    assert container["livenessProbe"]["exec"]["command"] == ["env", f"--chdir={folder}", *WORKERS_HEALTH]
    # The pulse is a file.
    assert [mount["name"] for mount in container["volumeMounts"]] == ["tmp"]


def test_what_is_scaled_by_itself_has_no_number_that_an_apply_would_go_back_to() -> None:
    scaled = {d["spec"]["scaleTargetRef"]["name"] for d in _yaml(KUBERNETES / "autoscale.yaml")}
    deployments = [
        d for name in ("web", "worker") for d in _yaml(KUBERNETES / f"{name}.yaml") if d["kind"] == "Deployment"
    ]
    assert {d["metadata"]["name"] for d in deployments} == scaled
    assert not any("replicas" in d["spec"] for d in deployments)


def test_the_adapters_rule_serves_the_metric_that_workers_are_scaled_by() -> None:
    text = (KUBERNETES / "autoscale.yaml").read_text()
    (rule,) = yaml.safe_load("\n".join(re.findall(r"^#   (.*)$", text, re.MULTILINE)))["externalRules"]
    worker = next(d for d in yaml.safe_load_all(text) if d["metadata"]["name"] == "worker")
    (metric,) = worker["spec"]["metrics"]
    assert rule["seriesQuery"] == metric["external"]["metric"]["name"]
    # The adapter adds the autoscaler's namespace to the query otherwise, by a label that it isn't told.
    assert rule["resources"] == {"namespaced": False}
    asked = rule["metricsQuery"].replace("<<.Series>>", rule["seriesQuery"]).replace("<<.LabelMatchers>>", "")
    assert asked == "max(crypto_quotes_tasks_waiting{})"


def test_pods_run_without_rights_on_a_root_that_is_read_only() -> None:
    for file in ("web.yaml", "worker.yaml", "migrate.yaml"):
        pod = _yaml(KUBERNETES / file)[-1]["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= set(container["resources"])


def test_the_image_holds_the_rooms_that_the_commands_need_and_no_more() -> None:
    copied = [
        step.words[0]
        for step in instructions((ROOT / "Dockerfile").read_text())
        if step.word == "COPY" and "from" not in step.flags
    ]
    assert all(let_in(ROOT, name) for name in copied)
    assert "__pycache__" in ignored_anywhere(ROOT)
    assert not {"tests", "local", "bench", "."} & set(copied)


def test_a_dockerfiles_lines_are_joined_and_its_flags_told_apart() -> None:
    step, other = instructions('# why\nCOPY --from=builder /venv \\\n    /venv\nCMD ["a", "b c"]\n')
    assert (step.word, step.flags, step.words) == ("COPY", {"from": "builder"}, ["/venv", "/venv"])
    assert other.arguments == ["a", "b c"]


def test_a_line_that_is_no_instruction_is_refused() -> None:
    with pytest.raises(ValueError, match="not an instruction: nonsense"):
        instructions("nonsense here")
