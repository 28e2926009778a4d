"""The command line: what is printed, which exit code, and how little is imported."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from doctor_patient import Patient
from places import ROOT

from daemon import __version__
from daemon.cli.main import main
from daemon.config.secret import Secret
from daemon.config.settings import Settings
from daemon.control.server import ControlServer
from daemon.errors import EX_CONFIG, AlreadyRunning, ConfigError, ControlError
from daemon.run.options import RunOptions
from hw.base import MicError
from hw.sound.cards import DeviceInfo

KEY = "AIzaSyMadeUpMadeUpMadeUp"


@pytest.fixture(autouse=True)
def _nobody_elses_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("daemon.config.load.SYSTEM_FILE", tmp_path / "etc.toml")
    monkeypatch.setenv("CONURE_SOCKET", str(tmp_path / "control.sock"))


@dataclass
class FakeApp:
    """Stands for daemon.run.lifecycle: remembers what it was asked to run."""

    outcome: int | Exception = 0
    settings: Settings | None = None
    api_key: Secret | None = None
    options: RunOptions | None = None

    def run(self, settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
        self.settings, self.api_key, self.options = settings, api_key, options
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    fake = FakeApp()
    put_in_place(monkeypatch, "daemon.run.modes", run=fake.run)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    return fake


def put_in_place(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    """Make `from PACKAGE import MODULE` and `from PACKAGE.MODULE import x` find a small stand-in."""
    module = ModuleType(name)
    vars(module).update(content)
    package, _, child = name.rpartition(".")
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys.modules[package], child, module, raising=False)


def config_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return str(path)


# --- usage


@pytest.mark.parametrize("argv", [["--version"], ["version"]])
def test_version_tells_the_packages_version_first_and_then_all_the_others(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == f"conure {__version__}"
    assert [line.split()[0] for line in rest if line[0] != " "] >= ["board", "Python", "system", "libraries"]
    assert f"Python     {platform.python_version()}" in rest
    assert any("google-genai 3." in line for line in rest)


def test_version_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.keys() == {"conure", "python", "system", "kernel", "machine", "libraries", "board"}
    assert told["libraries"]["websockets"]


def test_version_is_told_though_the_configuration_has_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONURE_CONFIG", config_file(tmp_path, "[sound]\nvolume = 500\n"))
    assert main(["version"]) == 0
    assert "board      unknown: the configuration has mistakes" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["sing"],
        ["volume", "101"],
        ["volume", "-101"],
        ["volume", "+x"],
        ["volume", "٣"],
        ["say"],
        ["config"],
        ["standin", "--port", "70000"],
        ["help", "sing"],
        ["timers", "add", "soon"],
        ["timers", "alarm", "25:00"],
        ["timers", "alarm", "07:30", "--day", "tomorrow"],
        ["timers", "remind", "noon", "eat"],
        ["timers", "snooze", "a bit"],
        ["tone", "bell"],
        ["lights", "green"],
        ["tools", "call", "get_time", "{"],
        ["tools", "call", "get_time", "[1]"],
        ["tools", "call", "no-such-tool"],
        ["standin", "--voice", "soprano"],
        ["listen", "--board", "wisplay"],
        ["boards", "wisplay"],
    ],
)
def test_wrong_usage_is_exit_code_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: conure" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["config"]])
def test_where_a_command_is_missing_all_of_them_are_shown(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(argv)
    assert "check" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["statsu"], "conure: error: argument COMMAND: there is no 'statsu'; did you mean status?"),
        (["qqqq"], "there is no 'qqqq'; there are: run, status, "),
        (["timers", "cancxel", "1"], "there is no 'cancxel'; did you mean cancel?"),
        (["status", "--jsno"], "conure status: error: there is no option --jsno; did you mean --json?"),
        (["timers", "add", "1m", "--nmae=tea"], "there is no option --nmae; did you mean --name?"),
        (
            ["status", "now", "-q"],
            "'now' is one word too many\nconure status: error: there is no option -q\n",
        ),
        (
            ["run", "--bord", "simulated"],
            "conure run: error: there is no option --bord; did you mean --board?\n",
        ),
        (
            ["tone", "listenxing"],
            "conure tone: error: there is no tone 'listenxing'; did you mean listening?",
        ),
        (["lights", "thinkng"], "conure lights: error: there is no light 'thinkng'; did you mean thinking?"),
        (["help", "statsu"], "did you mean status?"),
    ],
)
def test_what_was_mistyped_is_answered_with_what_is_near(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["status"], ["timers", "add"]])
def test_help_is_the_same_in_both_forms(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["help", *words], [*words, "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said[: len(said) // 2] == said[len(said) // 2 :]
    assert said.startswith(f"usage: {' '.join(['conure', *words])} [-h]")


def test_a_sign_that_the_terminal_does_not_know_is_no_traceback(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "daemon", "config", "show"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONIOENCODING": "latin-1"},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert b"(Kore, Puck, ?)" in shown.stdout


def test_a_card_that_is_full_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "daemon", "boards"],
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert done.stderr == b"conure: the output cannot be written: No space left on device\n"


def test_ctrl_c_leaves_no_traceback_while_the_program_is_imported(tmp_path: Path) -> None:
    """The default action ends it silently; from `main` on it is an exception, which `main` catches."""
    program = (
        "import signal, daemon.__main__ as program; print(signal.getsignal(2) is signal.SIG_DFL, flush=True);"
        "program.main(['config', 'show']); print(signal.getsignal(2) is signal.default_int_handler)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    lines = shown.stdout.splitlines()
    assert (lines[0], lines[-1]) == (b"True", b"True")


# --- run


def test_run_gives_settings_key_and_options_to_the_app(app: FakeApp, tmp_path: Path) -> None:
    file = config_file(tmp_path, "[sound]\nvolume = 5\n")
    app.outcome = 3
    argv = ["run", "--config", file, "--once", "--board", "simulated", "--wav-out", "out.wav"]
    assert main(argv) == 3
    assert app.settings is not None
    assert app.settings.sound.volume == 5
    assert app.settings.board.name == "simulated"
    assert app.api_key is not None
    assert app.api_key.reveal() == KEY
    assert app.options is not None
    assert replace(app.options, hidden={}) == RunOptions(
        once=True, config=Path(file), board="simulated", wav_out=Path("out.wav")
    )


def test_run_takes_the_key_out_of_the_environment_and_gives_it_to_what_begins_again(app: FakeApp) -> None:
    assert main(["run"]) == 0
    assert "GEMINI_API_KEY" not in os.environ
    assert app.options is not None
    assert app.options.environment({"HOME": "/"}) == {"HOME": "/", "GEMINI_API_KEY": KEY}


def test_run_with_the_standin_takes_no_key(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    assert main(["run", "--standin"]) == 0
    assert app.api_key is None
    assert app.options is not None
    assert app.options.standin


def test_run_without_a_key_is_a_mistake_of_configuration(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    assert main(["run"]) == EX_CONFIG
    assert capsys.readouterr().err.startswith("conure: there is no API key")
    assert app.settings is None


def test_run_tells_what_should_be_known_of_the_model(
    app: FakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config_file(tmp_path, '[live]\nmodel = "gemini-3.1-flash-live-preview"\n')
    assert main(["run", "--config", file]) == 0
    assert app.settings is not None
    assert "legacy preview; use gemini-3.8-live" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError(["one", "two"]), EX_CONFIG, "conure: one\nconure: two\n"),
        (AlreadyRunning("running already"), 1, "conure: running already\n"),
        (ControlError("no"), 1, "conure: no\n"),
        (MicError("hw:1", "not there"), 1, "conure: hw:1: not there\n"),
        (MicError("x.wav", "no WAV file", permanent=True), EX_CONFIG, "conure: x.wav: no WAV file\n"),
    ],
)
def test_what_users_can_mend_is_one_line_without_a_traceback(
    app: FakeApp, capsys: pytest.CaptureFixture[str], error: Exception, code: int, said: str
) -> None:
    app.outcome = error
    assert main(["run"]) == code
    assert capsys.readouterr().err == said


def test_a_bug_is_not_hidden(app: FakeApp) -> None:
    app.outcome = KeyError("bug")
    with pytest.raises(KeyError):
        main(["run"])


# --- config


def test_config_check_names_the_file_and_that_there_is_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config_file(tmp_path, "[sound]\nvolume = 5\n")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert main(["config", "check", "--config", file]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"configuration: {file}",
        "API key: found",
        "ok; devices are not looked at: `conure devices` shows what there is",
    ]


def test_config_check_works_without_file_and_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check"]) == 0
    said = capsys.readouterr().out
    assert "no file, all defaults" in said
    assert "API key: none" in said


@pytest.mark.parametrize(
    ("own", "mode", "lines"),
    [
        ("", 0o600, ["API key of the service: in {file}"]),
        (KEY, 0o600, ["API key: found", "API key of the service: in {file}"]),
        ("", None, ["API key of the service: there is none (get one at https://aistudio.google.com/apikey; "
                    "`sudo scripts/install` asks for it)"]),
        ("", 0o644, ["API key of the service: {file} may be read by everybody on this machine (mode 0644) "
                     "(`sudo chmod 600 {file}`)"]),
    ],
)  # fmt: skip
def test_config_check_looks_where_the_installer_put_the_key(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own: str,
    mode: int | None,
    lines: list[str],
) -> None:
    patient = Patient(tmp_path / "machine")
    if mode is None:
        patient.key_file.unlink()
    else:
        patient.key_file.chmod(mode)
    monkeypatch.setattr("daemon.doctor.machine.Machine", lambda env: replace(patient.machine(), env=env))
    monkeypatch.setenv("GEMINI_API_KEY", own)
    assert main(["config", "check"]) == 0
    told = capsys.readouterr().out
    assert [line for line in told.splitlines() if line.startswith("API key")] == [
        line.format(file=patient.key_file) for line in lines
    ]
    assert KEY not in told


def test_config_check_prints_every_mistake_and_exits_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config_file(tmp_path, "[sound]\nvolume = 500\n[buton]\n")
    assert main(["config", "check", "--config", file]) == EX_CONFIG
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.startswith(f"conure: {file}: ") for line in captured.err.splitlines()] == [True, True]


def test_a_key_in_a_wrong_field_is_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = "AIza" + "Sy" * 17 + "x"
    file = tmp_path / "conure.toml"
    fields = ("model", "language", "turn_taking", "idle_close_s", "temperature", "odd")
    file.write_text(
        "[live]\n"
        + "".join(f'{name} = "{key}"\n' for name in fields)
        + f'{key} = "x"\n[vad]\nengine = "{"y" * 30}{key}"\n["{key}"]\n'
    )
    assert main(["config", "check", "--config", str(file)]) == EX_CONFIG
    told = capsys.readouterr()
    assert "AIza" not in told.out + told.err
    assert "live.idle_close_s" in told.err


def test_config_show_marks_what_was_changed_and_has_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert main(["config", "show", "--config", config_file(tmp_path, "[sound]\nvolume = 5\n")]) == 0
    said = capsys.readouterr().out
    assert "volume = 5  # changed; the default is 70" in said
    assert KEY not in said


def test_config_show_as_json_has_every_value_and_no_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config_file(tmp_path, f'[sound]\nvolume = 5\n[live]\nplace = "{KEY}"\n')
    assert main(["config", "show", "--json", "--config", file]) == 0
    said = capsys.readouterr().out
    told = json.loads(said)
    assert (told["file"], told["given"]) == (file, ["live.place", "sound.volume"])
    assert told["settings"]["sound"]["volume"] == 5
    assert KEY not in said


# --- a running speaker


class FakeDaemon:
    """Answers as the daemon does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def handle(self, command: str, args: dict[str, Any]) -> Any:
        self.asked.append((command, args))
        match command:
            case "status":
                return {"state": "idle", "since_s": 2, "muted": False}
            case "volume":
                return {"volume": args.get("percent", 70)}
            case "announce":
                return {"id": args.get("id", "made-up"), "state": "known" if "id" in args else "queued"}
        return None

    async def watch(self, _: object) -> AsyncIterator[dict[str, Any]]:
        yield {"event": "state", "state": "listening"}
        yield {"event": "transcript", "who": "user", "text": "grüß dich"}


async def run_beside(conure: FakeDaemon, socket: Path, *argv: str) -> int:
    async with ControlServer(socket, conure.handle, conure.watch):
        return await asyncio.to_thread(main, argv)


@pytest.mark.parametrize(
    ("argv", "asked", "printed"),
    [
        (["talk"], ("talk", {}), ""),
        (["stop"], ("stop", {}), ""),
        (["mute"], ("mute", {}), ""),
        (["unmute"], ("unmute", {}), ""),
        (["volume"], ("volume", {}), "70 %\n"),
        (["volume", "35"], ("volume", {"percent": 35}), "35 %\n"),
        (["volume", "+"], ("volume", {"change": 5}), "70 %\n"),
        (["volume", "-10"], ("volume", {"change": -10}), "70 %\n"),
        (["say", "good", "morning"], ("say", {"text": "good morning"}), ""),
        (
            ["announce", "tea", "time", "--volume", "30", "--chime", "--priority", "low", "--expires", "5"],
            (
                "announce",
                {"text": "tea time", "volume": 30, "chime": True, "priority": "low", "expires_s": 5.0},
            ),
            "",
        ),
        (
            ["announce", "tea", "--id", "door"],
            ("announce", {"text": "tea", "id": "door"}),
            "door was announced",
        ),
        (["announce", "tea", "--json"], ("announce", {"text": "tea"}), '{\n  "id"'),
        (["status"], ("status", {}), "conure: idle for 2 s\nmuted       no\n"),
    ],
)
async def test_a_command_asks_the_running_speaker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], asked: Any, printed: str
) -> None:
    conure = FakeDaemon()
    assert await run_beside(conure, tmp_path / "control.sock", *argv) == 0
    assert conure.asked == [asked]
    assert capsys.readouterr().out.startswith(printed)


async def test_the_volume_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run_beside(FakeDaemon(), tmp_path / "control.sock", "volume", "35", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"volume": 35}


async def test_status_as_json_is_what_the_speaker_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await run_beside(FakeDaemon(), tmp_path / "control.sock", "status", "--json")
    assert json.loads(capsys.readouterr().out) == {"state": "idle", "since_s": 2, "muted": False}


async def test_watching_prints_each_event_and_that_the_speaker_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run_beside(FakeDaemon(), tmp_path / "control.sock", "status", "--watch") == 1
    captured = capsys.readouterr()
    lines = [line.split("  ", 1) for line in captured.out.splitlines()]
    assert [text for _, text in lines] == ["state       listening", "user        grüß dich"]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", time) for time, _ in lines)
    assert captured.err == "conure: the speaker has ended\n"


async def test_watching_as_json_prints_one_object_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await run_beside(FakeDaemon(), tmp_path / "control.sock", "status", "--watch", "--json")
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["state", "transcript"]


def test_without_a_running_speaker_the_user_is_told_how_to_start_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["talk"]) == 1
    assert capsys.readouterr().err.startswith("conure: the daemon is not running")


# --- devices


FOUND = [
    (DeviceInfo("USB Mic (hw:1,0)", "capture", "Mic", True, "0d8c:0014", "1-1.2"), "48000 Hz, 1 channel"),
    (DeviceInfo("Headphones (hw:0,0)", "playback", "Headphones", False), "busy"),
]


def test_devices_are_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    put_in_place(monkeypatch, "hw.sound.library", survey_devices=lambda: FOUND)
    assert main(["devices"]) == 0
    assert capsys.readouterr().out == (
        "name                 kind      card        usb        port   default  opened with\n"
        "USB Mic (hw:1,0)     capture   Mic         0d8c:0014  1-1.2  yes      48000 Hz, 1 channel\n"
        "Headphones (hw:0,0)  playback  Headphones                             busy\n"
    )


def test_on_a_narrow_terminal_each_device_is_a_paragraph(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_in_place(monkeypatch, "hw.sound.library", survey_devices=lambda: FOUND)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["devices"]) == 0
    assert capsys.readouterr().out == (
        "USB Mic (hw:1,0)\n"
        "    kind: capture, card: Mic, usb: 0d8c:0014, port: 1-1.2,\n"
        "    default: yes, opened with: 48000 Hz, 1 channel\n"
        "Headphones (hw:0,0)\n"
        "    kind: playback, card: Headphones, opened with: busy\n"
    )


def test_devices_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    put_in_place(monkeypatch, "hw.sound.library", survey_devices=lambda: FOUND)
    assert main(["devices", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["in_use"] == {}
    assert told["devices"][0] == {
        "name": "USB Mic (hw:1,0)", "kind": "capture", "card": "Mic", "default": True, "usb": "0d8c:0014",
        "port": "1-1.2", "opened_with": "48000 Hz, 1 channel",
    }  # fmt: skip


def test_no_devices_is_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    put_in_place(monkeypatch, "hw.sound.library", survey_devices=list)
    assert main(["devices"]) == 1
    assert (
        capsys.readouterr().err == "conure: there is no sound device; `conure doctor` tells what may help\n"
    )


# --- stand-in


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--voice", "none.wav"], "none.wav"),
        (["--plan", "none.toml"], "conure: none.toml: cannot be read"),
        (["--plan", "/dev/null"], "conure: /dev/null: is no regular file"),
        (["--plan", "deep.toml"], "conure: deep.toml: is nested too deeply"),
        (["--plan", "noon.toml"], "conure: noon.toml: rule 1: unknown trigger: noon"),
        (["--voice", "long.wav"], "conure: long.wav: is no regular file"),
        (["--voice", "odd.wav"], "conure: odd.wav: is not a WAV file"),
    ],
)
def test_the_standin_refuses_what_it_cannot_do(
    argv: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deep.toml").write_text(f"a = {'[' * 500}{']' * 500}\n")
    Path("noon.toml").write_text('[[rule]]\nwhen = "noon"\ndo = "reset"\n')
    os.mkfifo("long.wav")
    Path("odd.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt ")
    assert main(["standin", *argv]) == EX_CONFIG
    assert said in capsys.readouterr().err


def test_the_standin_looks_at_the_environment_but_not_at_its_own_certificate_which_is_to_come(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr("daemon.standin.run.run_standin", run)
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
    assert main(["standin"]) == 0
    monkeypatch.setenv("WEBSOCKETS_MAX_LOG_SIZE", "x")
    assert main(["standin"]) == EX_CONFIG
    assert "environment: WEBSOCKETS_MAX_LOG_SIZE = x: must be a whole number" in capsys.readouterr().err


def test_a_standin_that_nobody_can_trust_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr("daemon.standin.run.run_standin", run)
    assert main(["standin"]) == 0
    assert "--write-ca FILE" in capsys.readouterr().err


def test_the_standin_listens_and_says_how_to_reach_it(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    command = [sys.executable, "-m", "daemon", "standin", "--write-ca", str(ca_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as standin:
        assert standin.stdout is not None
        line = standin.stdout.readline()
        standin.terminate()
    assert line.startswith("GOOGLE_GEMINI_BASE_URL=https://")
    assert f"SSL_CERT_FILE={ca_file} " in line
    assert ca_file.read_text().startswith("-----BEGIN CERTIFICATE-----")


# --- what it costs


HEAVY = ("numpy", "google", "asyncio", "websockets", "cryptography", "pyaudio", "tomllib")


def imported_by(argv: list[str], env: dict[str, str]) -> set[str]:
    program = (
        f"import sys; from daemon.cli.main import main; main({argv!r}); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=env, check=True
    )
    return set(done.stderr.split())


def test_asking_the_speaker_imports_nothing_heavy(tmp_path: Path) -> None:
    modules = imported_by(["status"], {"CONURE_SOCKET": str(tmp_path / "none.sock")})
    assert "daemon.control.client" in modules
    assert modules.isdisjoint(HEAVY)


def test_checking_the_configuration_imports_no_device_and_no_service(tmp_path: Path) -> None:
    modules = imported_by(["config", "check"], {"HOME": str(tmp_path)})
    assert "daemon.config.load" in modules
    assert modules.isdisjoint({*HEAVY} - {"tomllib"})


def test_the_version_is_told_where_libraries_are_missing_or_broken(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('webrtcvad', 'numpy', 'pyaudio', 'google')));"
        "from daemon.cli.main import main; sys.exit(main(['--version']))"
    )
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"conure {__version__}\n")


def test_a_reader_that_goes_away_ends_the_output_quietly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "daemon", "config", "show"]
    env = {"HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as shown:
        assert shown.stdout is not None
        shown.stdout.close()
        assert shown.stderr is not None
        assert shown.stderr.read() == b""
        assert shown.wait() == 1


def test_a_recording_that_no_board_would_make_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["run", "--standin", "--board", "generic", "--wav-out", str(tmp_path / "out.wav")]
    with pytest.raises(SystemExit) as ended:
        main(wanted)
    assert ended.value.code == 2
    assert "--wav-out without --once records a simulated speaker only" in capsys.readouterr().err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_standard_stream_that_was_closed_has_nothing_behind_it(tmp_path: Path, closed: str) -> None:
    descriptor = next(number for number, mark in enumerate(("<", ">&-", "2>")) if closed.startswith(mark))
    shell = f'exec 3>{tmp_path}/told; {sys.executable} -c "$0" {closed}'
    told = "import os, sys; from daemon.cli.main import main; code = main(['boards']); "
    told += f"os.write(3, f'{{code}} {{os.readlink(\"/proc/self/fd/{descriptor}\")}}'.encode())"
    subprocess.run(["sh", "-c", shell, told], check=True, timeout=30, capture_output=True)
    assert (tmp_path / "told").read_text() == "0 /dev/null"
