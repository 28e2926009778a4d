"""Files and environment become settings or one error that names every mistake."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.cli.text.configuration import describe
from daemon.config.checks import notes
from daemon.config.load import (
    CONFIG_LIMIT_BYTES,
    KEY_LIMIT_BYTES,
    MAX_PROBLEMS,
    Configuration,
    effective_base_url,
    find_file,
    load,
    load_api_key,
    missing_key,
    target_fault,
    validate,
)
from daemon.config.schema import KEYS
from daemon.config.settings import LiveSettings, Settings
from daemon.errors import ConfigError
from hw.boards.board_files import shipped_names
from hw.simulated.board import SENTENCE_WAV

KEY = "AIzaSyMadeUpMadeUpMadeUp"


def load_text(tmp_path: Path, text: str, **env: str) -> Configuration:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load(path, env)


def problems_of(tmp_path: Path, text: str, **env: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text, **env)
    return caught.value.problems


def only_problem(text: str) -> str:
    (problem,) = validate(tomllib.loads(text)).problems
    return problem.text


# --- what is read


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_text(tmp_path, "").settings == Settings()


def test_values_are_taken_and_named_as_given(tmp_path: Path) -> None:
    found = load_text(tmp_path, '[button]\npin = 23\n[lights]\nkind = "rgb"\npins = [5, 6, 13]\n')
    assert found.settings.button.pin == 23
    assert found.settings.lights.pins == (5, 6, 13)
    assert found.given == {"button.pin", "lights.kind", "lights.pins"}


def test_a_whole_number_does_where_a_fraction_may_stand() -> None:
    seconds = validate({"trigger": {"follow_up_s": 4}}).settings.trigger.follow_up_s
    assert seconds == 4.0
    assert isinstance(seconds, float)


def test_a_tilde_in_a_file_name_is_the_home_directory() -> None:
    checked = validate({"board": {"sample_wav": "~/hello.wav", "mic": "~/mic"}}, "/home/pia")
    assert checked.settings.board.sample_wav == "/home/pia/hello.wav"
    assert checked.settings.board.mic == ("~/mic",)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[sound]\nvolume = 5\n")
    assert load(path, {}).settings.sound.volume == 5


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.full_name)
def test_every_default_is_allowed(key: Any) -> None:
    value = list(key.default) if isinstance(key.default, tuple) else key.default
    checked = validate({key.table: {key.name: value}})
    assert checked.problems == ()
    assert checked.settings == Settings()


# --- where it is looked for


def config_at(place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("")
    return place


def test_the_variable_comes_before_the_users_file(tmp_path: Path) -> None:
    own = config_at(tmp_path / ".config/conure/config.toml")
    assert find_file({"HOME": str(tmp_path)}) == own
    assert find_file({"HOME": str(tmp_path), "CONURE_CONFIG": "/x.toml"}) == Path("/x.toml")


def test_the_users_configuration_directory_is_respected(tmp_path: Path) -> None:
    own = config_at(tmp_path / "elsewhere/conure/config.toml")
    assert find_file({"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "elsewhere")}) == own


def test_no_file_means_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.config.load.SYSTEM_FILE", tmp_path / "none.toml")
    assert load(None, {"HOME": str(tmp_path)}) == Configuration(Settings(), None, frozenset())


def test_the_system_file_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.config.load.SYSTEM_FILE", config_at(tmp_path / "etc.toml"))
    assert find_file({}) == tmp_path / "etc.toml"


# --- files that cannot be used


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[button\n", "is not valid TOML"),
        (b"[sound]\nvolume = 1\nvolume = 2\n", "line 3"),
        (b"[sound]\nvolume = 1\nvolume = 2\n", "this key is set twice"),
        (b"[sound]\nvolume = 1\n[sound]\nspoken = true\n", "join what stands below the two"),
        (b"[board]\nname = wired-rgb\n", 'text stands in straight quotes, as in "auto"'),
        (b"[sound]\nvolume = 5%\n", "a line holds one key and one value"),
        (b"[sound]\nspoken = True\n", "true and false in small letters"),
        (b"sound:\n  volume: 5\n", "a line is KEY = VALUE"),
        (b'[live]\nplace = "Lyon\n', "a quote is missing"),
        (b'[live]\nvoice = "\xff"\n', "UTF-8"),
        (b"#" * (CONFIG_LIMIT_BYTES + 1), "larger than"),
    ],
)
def test_an_unreadable_file_is_one_line_with_its_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}: ")
    assert words in problem


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load(None, {"CONURE_CONFIG": str(tmp_path / "none.toml")})


# --- mistakes


def test_all_mistakes_are_reported_at_once_each_with_its_file(tmp_path: Path) -> None:
    text = '[button]\npin = "17"\npul = "up"\n[sond]\nvolume = 3\n[sound]\nvolume = 300\n'
    problems = problems_of(tmp_path, text, GOOGLE_GEMINI_BASE_URL="http://example.com")
    assert [problem.rpartition("/")[2].split(": ")[1].split(" ")[0] for problem in problems[:4]] == [
        "button.pul",
        "[sond]",
        "button.pin",
        "sound.volume",
    ]
    assert all(str(tmp_path) in problem for problem in problems[:4])
    assert "GOOGLE_GEMINI_BASE_URL" in problems[4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[buton]", "[buton]: there is no such table; did you mean [button]?"),
        ("[xyz]", "[xyz]: there is no such table; known are board, button,"),
        ("[button]\npim = 3", "button.pim: there is no such key; did you mean button.pin?"),
        ("[button]\nvolume = 3", "button.volume: there is no such key; did you mean sound.volume?"),
        ("volume = 3", "volume: there is no such key; did you mean sound.volume?"),
        ("[log]\nqqq = 3", "log.qqq: there is no such key; [log] has level, transcripts"),
        ("button = 3", "button: is a table; write [button] on its own line"),
        ('[button]\npin = "17"', 'button.pin = "17": must be a whole number from -1 to 53 without quotes'),
        ("[button]\npin = 17.0", "button.pin = 17.0: must be a whole number from -1 to 53 (default 17)"),
        ("[button]\npin = true", "button.pin = true: must be a whole number"),
        ("[button]\npin = 54", "button.pin = 54: must be a whole number from -1 to 53 (default 17)"),
        (
            "[lights]\nbrightness = nan",
            "lights.brightness = nan: must be a number from 0.02 to 1 (default 0.3)",
        ),
        ("[lights]\npins = 17", "lights.pins = 17: must be a list of whole numbers from 0 to 53"),
        ("[lights]\npins = [99]", "lights.pins = [99]: must be a whole number from 0 to 53 (default [])"),
        ("[live]\ntranscribe = 1", "live.transcribe = 1: must be true or false (default true)"),
        ("[live]\nvoice = 1", 'live.voice = 1: must be text in quotes (default "")'),
        ('[button]\npull = "Up"', '"Up": must be one of "up", "down", "none"; did you mean up?'),
        ('[board]\nmic = "a\\u0000b"', "must not hold a null character"),
    ],
)
def test_a_mistake_says_what_would_be_right(text: str, said: str) -> None:
    assert said in only_problem(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[button]\nlong = "mute"', 'button.long = "mute": needs button.hold = "none" (it is "talk")'),
        ('[lights]\nkind = "rgb"\npins = [5]', 'lights.kind = "rgb" needs three pins: red, green, blue'),
        ('[lights]\nkind = "led"', 'lights.pins = []: lights.kind = "led" needs one pin'),
        ('[lights]\nkind = "rgb"\npins = [5, 6, 5]', "lights.pins = [5, 6, 5]: must name different pins"),
        ('[lights]\nkind = "led"\npins = [17]', "pin 17 is the button's (button.pin)"),
        ('[live]\nmodel = "gemini-2.0-flash-live-001"', "shut down on 9 December 2025; use gemini-3.8-live"),
        ('[live]\nmodel = "a b"', "must be a model's name"),
        ('[camera]\ndevice = "video0"', 'must be "pi", or a file such as "/dev/video0"'),
        (
            '[live]\nmodel = "gemini-of-tomorrow"\n[camera]\nuse = "tool"',
            'must be "off", for gemini-of-tomorrow takes no pictures',
        ),
        ("[live]\ntemperature = 0.5", "gemini-3.8-live takes no temperature; leave it at -1 (default -1.0)"),
        (
            '[live]\nmodel = "gemini-3.8-live-extended-thinking"\nmax_output_tokens = 9',
            "gemini-3.8-live-extended-thinking takes no max_output_tokens; leave it at 0",
        ),
        ('[live]\nmodel = "gemini-2.5-flash-native-audio-latest"\ntemperature = -0.5', "must be -1, or from"),
        ('[live]\nvoice = "kore"', 'live.voice = "kore": did you mean "Kore"?'),
        ('[live]\nvoice = "Kore!"', 'did you mean "Kore"?'),
        ('[live]\nvoice = "?"', "must be a voice's name"),
        ('[live]\nlanguage = "en_US"', 'live.language = "en_US": must be a language code such as "en-US"'),
        ('[live]\nlanguage = "German"', 'such as "en-US" or "de"'),
    ],
)
def test_values_that_do_not_go_together_are_named(text: str, said: str) -> None:
    assert said in only_problem(text)


@pytest.mark.parametrize(
    "text",
    [
        '[button]\nhold = "none"\nlong = "mute"',
        '[lights]\nkind = "led"\npins = [18]',
        '[button]\npin = -1\n[lights]\nkind = "rgb"\npins = [17, 18, 19]',
        '[live]\nvoice = "en-us-tavi"\nlanguage = "cmn-Hans-CN"',
        '[live]\nlanguage = "es-419"',
        '[live]\nmodel = "gemini-3.1-flash-live-preview"\ntemperature = 0.5',
        '[live]\nmodel = "models/gemini-4-live"',
        '[live]\nbase_url = "https://localhost:8443/"',
        '[live]\nbase_url = "https://[::1]:8443"',
    ],
)
def test_what_goes_together_is_accepted(text: str) -> None:
    assert validate(tomllib.loads(text)).problems == ()


def test_a_key_that_is_wrong_already_is_not_reported_twice() -> None:
    assert only_problem('[lights]\nkind = "rgb"\npins = "5, 6, 13"').startswith("lights.pins")


@pytest.mark.parametrize("url", ["http://192.168.1.5:8080", "ws://example.com"])
def test_plain_http_to_another_machine_is_one_clear_line(url: str) -> None:
    said = only_problem(f'[live]\nbase_url = "{url}"')
    assert said.startswith(f'live.base_url: "{url}" must begin with https://: plain HTTP would show key')


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:9"])
def test_plain_http_to_this_machine_is_refused_with_the_reason(host: str) -> None:
    said = only_problem(f'[live]\nbase_url = "http://{host}"')
    assert "on this machine too: the SDK speaks TLS to every address" in said


@pytest.mark.parametrize(
    "url", ["https://", "example.com", "https://h:port", "https://[::1", "https://a\\nb"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert "https://HOST" in only_problem(f'[live]\nbase_url = "{url}"')


@pytest.mark.parametrize("url", ["https://me:hush@h", "https://h/?key=hush", "https://h#hush"])
def test_an_address_with_a_secret_is_refused_without_repeating_it(url: str) -> None:
    said = only_problem(f'[live]\nbase_url = "{url}"')
    assert "must not hold" in said
    assert "hush" not in said


@pytest.mark.parametrize("name", ["sample_wav", "record_wav"])
def test_a_file_of_the_simulated_board_must_be_usable(tmp_path: Path, name: str) -> None:
    missing = tmp_path / "none" / "x.wav"
    (problem,) = problems_of(tmp_path, f'[board]\n{name} = "{missing}"\n')
    assert f'board.{name} = "{missing}": cannot be' in problem


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/null")])
def test_a_recording_takes_the_place_of_nothing_but_a_plain_file(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    target = tmp_path / "x.wav"
    target.write_bytes(b"an earlier recording")
    assert load_text(tmp_path, f'[board]\nrecord_wav = "{target}"\n')
    target.unlink()
    make(target)
    (problem,) = problems_of(tmp_path, f'[board]\nrecord_wav = "{target}"\n')
    assert "not a plain file" in problem


def test_an_unknown_board_is_a_mistake_and_the_nearest_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, '[board]\nname = "simulatd"\n')
    assert "board.name: there is no board 'simulatd'; there are: " in problem
    assert problem.endswith("did you mean simulated?")


@pytest.mark.parametrize("name", shipped_names())
def test_every_board_can_be_configured_by_its_name(tmp_path: Path, name: str) -> None:
    assert load_text(tmp_path, f'[board]\nname = "{name}"\n').settings.board.name == name


def test_what_the_file_sets_goes_before_what_the_board_says(tmp_path: Path) -> None:
    text = '[board]\nname = "whisplay"\nmic = "default"\n[lights]\npins = [1, 2, 3]\n'
    settings = load_text(tmp_path, text).settings
    assert (settings.board.mic, settings.board.speaker) == (
        ("default",),
        ("whisplaysound", "wm8960soundcard"),
    )
    assert (settings.lights.pins, settings.lights.active) == ((1, 2, 3), "low")


def test_a_key_that_is_set_to_the_program_s_default_is_set(tmp_path: Path) -> None:
    settings = load_text(tmp_path, '[board]\nname = "whisplay"\n[button]\npull = "up"\n').settings
    assert (settings.button.pull, settings.button.active) == ("up", "high")


def test_the_board_that_is_asked_for_stands_in_for_the_file_s(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[board]\nname = "whisplay"\n')
    settings = load(path, {}, board="aiy-voice-hat").settings
    assert (settings.board.name, settings.button.pin) == ("aiy-voice-hat", 23)


def test_a_board_s_values_and_the_file_s_are_checked_together(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, '[board]\nname = "whisplay"\n[lights]\npins = [25]\n')
    assert 'lights.kind = "rgb" needs three pins' in problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('night_from = "22"', 'must be a time of day such as "22:00"'),
        ('night_from = "22:00"', "lights.night_to"),
        ('night_to = "07:00"', "lights.night_from"),
        ('night_from = "07:00"\nnight_to = "07:00"', "must differ"),
        ('kind = "sysfs"', "needs one name, or three"),
        ('kind = "dotstar"\npins = [5]', "two pins: data, clock"),
    ],
)
def test_lights_that_cannot_be_are_told(tmp_path: Path, text: str, told: str) -> None:
    (problem,) = problems_of(tmp_path, f"[lights]\n{text}\n")
    assert told in problem


def test_the_description_tells_the_board_s_values_from_the_user_s(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, '[board]\nname = "whisplay"\n[button]\ndebounce_ms = 30\n')
    text = describe(loaded.settings, loaded.given)
    assert 'pull = "none"  # the board\'s; the default is "up"' in text
    assert "debounce_ms = 30  # changed; the default is 20" in text


def test_a_sample_must_be_a_wav_file(tmp_path: Path) -> None:
    sample = tmp_path / "x.wav"
    sample.write_bytes(b"ID3 no wave at all")
    (problem,) = problems_of(tmp_path, f'[board]\nsample_wav = "{sample}"\n')
    assert 'is not a WAV file (file does not start with RIFF id) (default "")' in problem
    sample.write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    assert "is not a WAV file" in problems_of(tmp_path, f'[board]\nsample_wav = "{sample}"\n')[0]
    assert load_text(tmp_path, f'[board]\nsample_wav = "{SENTENCE_WAV}"\n')


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["pin", "voice", "x"]), inner),
    ).flatmap(lambda value: st.dictionaries(st.sampled_from(["button", "live", "y"]), st.just(value)))
)
def test_no_data_makes_validation_fail_otherwise_than_by_a_problem(data: dict[str, Any]) -> None:
    checked = validate(data)
    assert checked.problems or describe(checked.settings)


# --- the service's address


def test_the_setting_goes_before_the_variable_and_loses_its_last_slash() -> None:
    env = {"GOOGLE_GEMINI_BASE_URL": "https://b/"}
    assert effective_base_url(Settings(), {}) == ""
    assert effective_base_url(Settings(), env) == "https://b"
    assert (
        effective_base_url(replace(Settings(), live=LiveSettings(base_url="https://a/p/")), env)
        == "https://a/p"
    )


def test_a_wrong_address_in_the_environment_is_an_error() -> None:
    with pytest.raises(ConfigError, match="environment: GOOGLE_GEMINI_BASE_URL"):
        effective_base_url(Settings(), {"GOOGLE_GEMINI_BASE_URL": "http://example.com"})


# --- the key


def settings_with_key_file(path: Path) -> Settings:
    return replace(Settings(), live=LiveSettings(api_key_file=str(path)))


def revealed(settings: Settings, env: dict[str, str]) -> str | None:
    key = load_api_key(settings, env)
    return key.reveal() if key else None


def test_the_key_is_taken_from_credential_then_file_then_variables(tmp_path: Path) -> None:
    (tmp_path / "gemini-api-key").write_text("from-credential\n")
    (tmp_path / "file").write_text("  from-file \n")
    settings = settings_with_key_file(tmp_path / "file")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "GEMINI_API_KEY": "gemini", "GOOGLE_API_KEY": "google"}
    assert revealed(settings, env) == "from-credential"
    del env["CREDENTIALS_DIRECTORY"]
    assert revealed(settings, env) == "from-file"
    assert revealed(Settings(), env) == "gemini"
    del env["GEMINI_API_KEY"]
    assert revealed(Settings(), env) == "google"
    assert revealed(Settings(), {}) is None


def test_a_credential_directory_without_the_key_is_passed_over(tmp_path: Path) -> None:
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "GEMINI_API_KEY": " k1 ", "GOOGLE_API_KEY": "k2"}
    assert revealed(Settings(), env) == "k1"


def test_an_empty_variable_is_passed_over() -> None:
    assert revealed(Settings(), {"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "k2"}) == "k2"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        f"GEMINI_API_KEY={KEY}\n".encode(),
        f'"{KEY}"'.encode(),
        f"{KEY}\n{KEY}\n".encode(),
        f"{KEY}é".encode(),
        KEY.encode() + b"x" * KEY_LIMIT_BYTES,
    ],
)
def test_a_key_file_without_a_proper_key_is_an_error_without_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_api_key(settings_with_key_file(file), {"GEMINI_API_KEY": "other"})
    assert str(file) in str(caught.value)
    assert "AIza" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_missing_key_file_is_among_the_mistakes(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, f'[live]\napi_key_file = "{tmp_path}/none"\n[sound]\nvolume = -1\n')
    assert len(problems) == 2
    assert "live.api_key_file" in problems[1]
    assert "cannot be read: No such file" in problems[1]


@pytest.mark.parametrize(
    "text",
    [
        f'[live]\napi_key = "{KEY}"',
        f'[live]\napi_key_file = "{KEY}"',
        f'[live]\napi_key_file = ["{KEY}"]',
        f'api-key = "{KEY}"',
        f'[live]\nkey = "{KEY}"',
        f'[gemini]\nGEMINI_API_KEY = "{KEY}"',
    ],
)
def test_a_key_that_was_written_into_the_file_is_never_shown(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert KEY not in problem


def test_a_key_in_the_file_is_told_its_place() -> None:
    assert "name that in live.api_key_file" in only_problem(f'[live]\ngemini_api_key = "{KEY}"')


def test_a_missing_key_names_every_place_for_it() -> None:
    places = ("live.api_key_file", "gemini-api-key", "GEMINI_API_KEY", "--standin")
    assert all(place in str(missing_key()) for place in places)


# --- for people


def test_the_description_reads_back_as_the_same_settings(tmp_path: Path) -> None:
    text = '[sound]\nvolume = 5\n[lights]\nkind="rgb"\npins=[1,2,3]\n[live]\ninstruction="a\\"b\\n\\u007fü"\n'
    settings = load_text(tmp_path, text).settings
    assert load_text(tmp_path, describe(settings)).settings == settings


def test_the_description_marks_what_was_changed_and_explains_every_key() -> None:
    text = describe(validate({"sound": {"volume": 5}}).settings)
    assert "volume = 5  # changed; the default is 70" in text
    assert text.count("# changed") == 1
    assert all(f"# {key.doc}" in text for key in KEYS)


def test_the_description_hides_what_may_be_a_key() -> None:
    text = describe(settings_with_key_file(Path(KEY)))
    assert KEY not in text


@pytest.mark.parametrize(
    ("text", "table", "name", "values"),
    [
        ('[board]\nmic = ["a", "b c"]', "board", "mic", ("a", "b c")),
        ('[board]\nmic = "a|b c"', "board", "mic", ("a", "b c")),
        ('[board]\nspeaker = "usb:1:2"', "board", "speaker", ("usb:1:2",)),
        ('[lights]\nkind = "sysfs"\nleds = "r g b"', "lights", "leds", ("r", "g", "b")),
        ('[lights]\nkind = "sysfs"\nleds = ["ACT"]', "lights", "leds", ("ACT",)),
        ('[wake]\nwords = "alexa, okay_nabu"', "wake", "words", ("alexa", "okay_nabu")),
        ('[wake]\nwords = ""', "wake", "words", ()),
        ('[tools]\ndeny = "set_*,"', "tools", "deny", ("set_*",)),
        ("[tools]\ndeny = []", "tools", "deny", ()),
    ],
)
def test_a_list_of_texts_is_a_list_and_the_older_notations_are_read(
    tmp_path: Path, text: str, table: str, name: str, values: tuple[str, ...]
) -> None:
    assert getattr(getattr(load_text(tmp_path, text).settings, table), name) == values


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[board]\nmic = 1", 'board.mic = 1: must be a list of texts in quotes, such as ["a", "b"]'),
        ('[wake]\nwords = ["a", 1]', "must be a list of texts in quotes"),
        ('[board]\nmic = ""', 'board.mic = "": must name at least one (default ["default"])'),
        ('[board]\nspeaker = [" ", ""]', "must name at least one"),
        ('[tools]\ndeny = ["\\u0000"]', "must not hold a null character"),
    ],
)
def test_what_is_no_list_of_texts_is_told(tmp_path: Path, text: str, told: str) -> None:
    (problem,) = problems_of(tmp_path, text + "\n")
    assert told in problem


@pytest.mark.parametrize("rate_hz", [4000, 44_110])
def test_a_rate_whose_chunk_has_no_whole_number_of_frames_is_told(tmp_path: Path, rate_hz: int) -> None:
    (problem,) = problems_of(tmp_path, f"[board]\nmic_rate_hz = {rate_hz}\n")
    assert f"board.mic_rate_hz = {rate_hz}: must be 0, or a rate from 8000 on, in steps of 50" in problem
    assert load_text(tmp_path, "[board]\nspeaker_rate_hz = 44100\n").settings.board.speaker_rate_hz == 44100


def test_a_text_with_a_null_character_is_told(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, '[live]\nvoice = "a\\u0000b"\n')
    assert "must not hold a null character" in problem


def test_a_model_that_is_not_known_is_a_note_with_the_nearest_name() -> None:
    (note,) = notes(Settings(live=LiveSettings(model="gemini-3.8-liv")))
    assert note.startswith("live.model: gemini-3.8-liv is not known here") and "did you mean" in note


def test_of_very_many_mistakes_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("\n".join(f"[table{number}]\na = 1" for number in range(MAX_PROBLEMS + 7)))
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert caught.value.problems[-1] == "7 more mistakes are not listed; mend these first"


def test_a_folder_that_may_not_be_changed_takes_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.access", lambda *_asked: False)
    assert target_fault(str(tmp_path / "a.wav")) == (
        f"cannot be written: the directory {tmp_path} may not be changed"
    )
