"""The estate file: read strictly and fast, refused with the line, and taken up when it changes."""

import os
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from firebreak import live_file
from firebreak.errors import DefinitionError, NotFound
from firebreak.strict_yaml import read
from integrations.inventory.yaml_file import YamlInventory

HEAD = """\
sites:
  - id: plant
    quarantine_vlan: 999
    sentinel: {id: s, method: icmp, control: 10.20.0.1}
switches:
  - id: sw-1
    site: plant
    cli:
      host: 10.0.0.2
      platform: cisco_ios
      username: firebreak
      password: env:SW_PASSWORD
      host_key: ssh-ed25519 AAAA
devices:
"""
CAMERA = """\
  - id: cam-17
    mac: 02-00-00-00-00-17
    ip: 10.20.0.17
    site: plant
    class: ip-camera
    attached: {switch: sw-1, port: Gi1/0/17}
"""
SENSOR = """\
  - {id: dev-2, mac: 12:34:56:00:00:17, ip: 10.20.0.2, site: plant, class: sensor}
"""


def written(where: Path, text: str) -> Path:
    path = where / "estate.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def inventory(tmp_path: Path) -> YamlInventory:
    return YamlInventory.load(written(tmp_path, HEAD + SENSOR + CAMERA))


def test_a_device_is_found_by_id_ip_and_mac(inventory: YamlInventory) -> None:
    camera = inventory.device("cam-17")
    assert inventory.by_address(ip="10.20.0.17") == camera
    assert inventory.by_address(mac="02:00:00:00:00:17") == camera
    assert inventory.by_address(mac="0200.0000.0017") == camera
    assert inventory.by_address(ip="10.20.0.99") is None
    assert inventory.by_address(mac="not a mac") is None
    assert inventory.by_address() is None
    assert inventory.estate.switches[0].id == "sw-1"


def test_the_mac_wins_over_the_ip_and_the_ip_helps_an_unknown_mac(
    inventory: YamlInventory,
) -> None:
    both = inventory.by_address(ip="10.20.0.17", mac="12:34:56:00:00:17")
    assert both is not None
    assert both.id == "dev-2"
    unknown = inventory.by_address(ip="10.20.0.17", mac="02:00:00:00:00:99")
    assert unknown is not None
    assert unknown.id == "cam-17"


def test_devices_come_by_id(inventory: YamlInventory) -> None:
    assert [d.id for d in inventory.devices()] == ["cam-17", "dev-2"]


def test_an_unknown_device_is_not_found(inventory: YamlInventory) -> None:
    with pytest.raises(NotFound, match="cam-18"):
        inventory.device("cam-18")


def test_a_site_lives_by_its_own_clock_or_by_utc(tmp_path: Path) -> None:
    assert YamlInventory.load(written(tmp_path, HEAD + CAMERA)).time_zone("plant") == "UTC"
    vlan = "    quarantine_vlan"
    berlin = HEAD.replace(vlan, f"    time_zone: Europe/Berlin\n{vlan}")
    inventory = YamlInventory.load(written(tmp_path, berlin + CAMERA))
    assert inventory.time_zone("plant") == "Europe/Berlin"
    with pytest.raises(NotFound):
        inventory.time_zone("moon")


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "''", "/etc/localtime"])
def test_a_time_zone_that_does_not_exist_is_refused(tmp_path: Path, zone: str) -> None:
    text = HEAD.replace("    quarantine_vlan", f"    time_zone: {zone}\n    quarantine_vlan")
    with pytest.raises(DefinitionError, match=r"time_zone: .*is no time zone"):
        YamlInventory.load(written(tmp_path, text + CAMERA))


def test_a_mac_that_yaml_would_count_in_base_60_stays_a_mac(inventory: YamlInventory) -> None:
    assert inventory.device("dev-2").mac == "12:34:56:00:00:17"


BROKEN = {
    "a missing field": (CAMERA.replace("    site: plant\n", ""), 15, "site"),
    "an unknown field": (CAMERA + "    colour: red\n", 21, "colour"),
    "a wrong value": (CAMERA + "    safety: some\n", 21, "safety"),
    "a bad mac": (CAMERA.replace("00-17", "00-1g"), 16, "not a MAC"),
    "nothing where a list must be": ("", 14, "must be a list"),
    "text where a mapping must be": ("  - cam-17\n", 15, "must be a mapping"),
    "a mac that is a number": (
        CAMERA.replace("02-00-00-00-00-17", "120000000017"),
        16,
        "put it in quotes",
    ),
    "a device twice": (CAMERA + CAMERA, 21, "listed twice"),
    "an unknown site": (CAMERA.replace("site: plant", "site: moon"), 18, "moon"),
    "an unknown switch": (CAMERA.replace("sw-1", "sw-9"), 20, "sw-9"),
    "a key twice": (CAMERA + "    mac: 02-00-00-00-00-18\n", 21, "'mac' is given twice"),
    "an alias": (CAMERA.replace("10.20.0.17", "&a 10.20.0.17"), 17, "anchors"),
    "a tag": (CAMERA.replace("10.20.0.17", "!!python/name:os.system"), 17, "tags"),
    "a merge key": (CAMERA + "    <<: {owner: me}\n", 21, "merge"),
    "bad indentation": (CAMERA + "   owner: me\n", 21, "expected"),
    "a tab": (CAMERA + "\towner: me\n", 21, "character"),
    "a second document": (CAMERA + "---\nmore: 1\n", 21, "second document"),
    "a control character": (CAMERA + "    name: a\x07b\n", 21, "character"),
    "a list as a key": (CAMERA + "    [a, b]: c\n", 21, "key"),
}


@pytest.mark.parametrize(("devices", "line", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_an_error_names_the_file_the_line_and_what_is_wrong(
    tmp_path: Path, devices: str, line: int, said: str
) -> None:
    path = written(tmp_path, HEAD + devices)
    with pytest.raises(DefinitionError, match=said) as caught:
        YamlInventory.load(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert str(caught.value).replace("\n", "").isprintable()


def test_every_problem_is_said_at_once_up_to_ten(tmp_path: Path) -> None:
    lines = "".join(f"  - {{id: d-{n}}}\n" for n in range(5))
    with pytest.raises(DefinitionError) as caught:
        YamlInventory.load(written(tmp_path, HEAD + lines))
    said = str(caught.value).splitlines()
    assert len(said) == 11
    assert said[-1] == "and 5 more problems"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "- a\n",
        "7\n",
        "sites: [" * 200,
        "a: " + "[" * 500 + "]" * 500,
        "a: &x [1]\nb: [*x, *x]\n",
        "\x00",
        "%YAML 9.9\n---\nsites: []\n",
        "sites: []\nx: !!binary aGVsbG8=\n",
    ],
)
def test_hostile_files_get_a_clear_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(DefinitionError, match=r"estate\.yaml:\d+: "):
        YamlInventory.load(written(tmp_path, text))


def test_a_file_that_is_missing_binary_or_too_large_is_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(DefinitionError, match="cannot be read"):
        YamlInventory.load(tmp_path / "estate.yaml")
    path = tmp_path / "estate.yaml"
    path.write_bytes(b"sites:\n  - \xff\xfe\n")
    with pytest.raises(DefinitionError, match=r":2: not UTF-8"):
        YamlInventory.load(path)
    path.write_text(HEAD)
    with pytest.raises(DefinitionError, match="larger than 10 bytes"):
        read(path, max_bytes=10)


def many(count: int) -> str:
    device = (
        "  - id: cam-{n}\n    name: Camera {n}\n    mac: 02:00:00:{a:02x}:{b:02x}:{c:02x}\n"
        "    ip: 10.{a}.{b}.{c}\n    site: plant\n    class: ip-camera\n    criticality: low\n"
        "    safety: none\n    attached: {{switch: sw-1, port: Gi1/0/{n}}}\n"
    )
    parts = (n.to_bytes(3, "big") for n in range(count))
    return HEAD + "".join(device.format(n=n, a=p[0], b=p[1], c=p[2]) for n, p in enumerate(parts))


def test_ten_thousand_devices_load_within_three_seconds(tmp_path: Path) -> None:
    path = written(tmp_path, many(10_000))
    began = time.process_time()
    inventory = YamlInventory.load(path)
    assert time.process_time() - began < 3
    assert len(inventory.devices()) == 10_000


def edit(path: Path, text: str) -> None:
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_a_changed_file_is_taken_up(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + SENSOR)
    inventory = YamlInventory.load(path)
    edit(path, HEAD + SENSOR + CAMERA)
    inventory.refresh()
    assert inventory.device("cam-17").device_class == "ip-camera"


def test_a_broken_file_leaves_the_last_good_one_and_is_said_once(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + CAMERA)
    inventory = YamlInventory.load(path)
    with capture_logs() as logged:
        edit(path, HEAD + CAMERA + "oops")
        inventory.refresh()
        inventory.refresh()
    assert inventory.device("cam-17").id == "cam-17"
    assert [line["log_level"] for line in logged] == ["error"]
    assert "estate.yaml:22" in str(inventory.problem)
    edit(path, HEAD + SENSOR)
    inventory.refresh()
    assert inventory.problem is None
    assert [d.id for d in inventory.devices()] == ["dev-2"]


def test_a_file_that_is_gone_leaves_the_last_good_one(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + CAMERA)
    inventory = YamlInventory.load(path)
    path.unlink()
    with capture_logs() as logged:
        inventory.refresh()
        inventory.refresh()
    assert inventory.device("cam-17").id == "cam-17"
    assert [line["log_level"] for line in logged] == ["error"]


def test_looking_something_up_notices_a_change_once_the_file_has_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "CHECK_EVERY_S", 0)
    path = written(tmp_path, HEAD + SENSOR)
    inventory = YamlInventory.load(path)
    edit(path, HEAD)  # half written: it would validate, and lose the device
    assert len(inventory.devices()) == 1
    edit(path, HEAD + SENSOR + CAMERA)
    assert len(inventory.devices()) == 1
    inventory.devices()
    assert inventory._file._reading is not None
    inventory._file._reading.join(10)
    assert len(inventory.devices()) == 2


def test_the_file_is_looked_at_no_more_than_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = YamlInventory.load(written(tmp_path, HEAD + SENSOR))
    looked: list[Path] = []
    monkeypatch.setattr("integrations.inventory.yaml_file.stamp", looked.append)
    for _ in range(1000):
        inventory.by_address(ip="10.20.0.2")
    assert len(looked) <= 1
