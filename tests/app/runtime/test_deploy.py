"""Read the deployment files as compose would: loopback ports, pinned images, no secret, nothing dangling."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
EXPECTED_PROFILES = {
    "timescaledb": [],
    "redis": [],
    "temporal-db": [],
    "temporal": [],
    "temporal-ui": [],
    "migrate": ["app"],
    "worker": ["app"],
    "app": ["app"],
    "ollama": ["llm"],
    "kafka": ["events"],
    "mlflow": ["experiments"],
    "prometheus": ["observe"],
    "grafana": ["observe"],
}
SECRET = re.compile(r"PASSWORD|PWD|SECRET|TOKEN|API_KEY")


def test_every_promised_service_is_there_in_its_profile():
    assert {name: service.get("profiles", []) for name, service in SERVICES.items()} == EXPECTED_PROFILES


@pytest.mark.parametrize("name", SERVICES)
class TestService:
    def test_ports_are_published_on_loopback_only(self, name):
        for port in SERVICES[name].get("ports", []):
            assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port
        assert "network_mode" not in SERVICES[name]
        assert "privileged" not in SERVICES[name]

    def test_the_image_is_pinned_by_a_version(self, name):
        image, _, tag = SERVICES[name]["image"].rpartition(":")
        assert image
        assert re.search(r"\d+\.\d+|^\d+-", tag), tag
        assert "latest" not in tag

    def test_secrets_come_from_outside(self, name):
        for key, value in SERVICES[name].get("environment", {}).items():
            if SECRET.search(key) and value is not None:
                assert re.fullmatch(r"\$\{[A-Z_]+:\?set it in \.env\}", value), key
            literal = re.sub(r"\$\{[^}]*\}", "", str(value))
            assert not re.search(r"://[^/@]*:[^/@]+@", literal), key

    def test_what_it_needs_exists_and_can_be_waited_for(self, name):
        needs = SERVICES[name].get("depends_on", {})
        own = set(SERVICES[name].get("profiles", []))
        for other in needs:
            assert other in SERVICES
            assert set(SERVICES[other].get("profiles", [])) <= own, "a service may only need what starts with it"
            if isinstance(needs, dict) and needs[other]["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]

    def test_its_volumes_are_declared_and_its_files_exist(self, name):
        for volume in SERVICES[name].get("volumes", []):
            source, target = volume.split(":")[:2]
            assert target.startswith("/")
            if source.startswith("./"):
                assert (ROOT / source).is_file()
                assert volume.endswith(":ro")
            else:
                assert source in COMPOSE["volumes"]


def test_no_two_services_publish_one_port():
    published = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == len(set(published))


def test_every_variable_is_explained_and_no_password_has_a_default():
    used = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    used |= {key for key, value in SERVICES["app"]["environment"].items() if value is None}
    explained = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / "deploy/env.example").read_text(), flags=re.M))
    assert used <= explained
    for line in (ROOT / "deploy/env.example").read_text().splitlines():
        if not line.startswith("#") and "=" in line:
            assert line.endswith("="), "the example holds no value"


def test_the_desk_uses_the_servers_of_the_file():
    environment = SERVICES["app"]["environment"]
    assert environment == SERVICES["worker"]["environment"]
    for name, service in (("DATABASE_URL", "timescaledb"), ("TEMPORAL_ADDRESS", "temporal"), ("REDIS_URL", "redis")):
        host = re.search(r"(?:@|//|^)([a-z]+):\d+", environment[name])[1]
        assert host == service
    assert SERVICES["temporal"]["environment"]["DB"].startswith("postgres")


def test_the_image_runs_as_a_user_without_rights_from_the_hashed_lock():
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()
    user = max(n for n, line in enumerate(lines) if line.startswith("USER "))
    assert lines[user].split()[1] not in {"root", "0"}
    assert not any(line.startswith(("RUN", "COPY", "ADD")) for line in lines[user:])
    assert any("scripts/setup.sh run" in line for line in lines)
    assert not any(re.search(r"pip install|curl|wget|--no-verify", line) for line in lines)
    for name in ("worker", "app", "migrate"):
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["read_only"] is True
        assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


def test_the_image_gets_only_named_files():
    rules = (ROOT / ".dockerignore").read_text().split()
    assert rules[0] == "*"
    assert not any(rule in {"!.env", "!.git", "!."} for rule in rules)


@pytest.mark.parametrize("name", ["deploy/prometheus.yml", "deploy/grafana/datasource.yml"])
def test_side_files_name_services_of_the_file(name):
    text = (ROOT / name).read_text()
    assert yaml.safe_load(text)
    hosts = set(re.findall(r"([a-z]+):\d{4}", text))
    assert hosts and hosts <= set(SERVICES)
