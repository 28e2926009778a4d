# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# Which board it is, and what that asks of the system: a device-tree overlay, levels of the mixer.
# Sourced, never run. What is known of boards is asked of the program: `conure boards`.

CONFIG_TXT_EDITOR=$(dirname -- "${BASH_SOURCE[0]}")/config_txt.py

# Conure from the source tree: its command line needs nothing but Python, so it can be asked before all else.
conure_from_source() {
    python3 -I -B -c 'import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("daemon", run_name="__main__", alter_sys=True)' "$ROOT" "$@"
}

# detect_boards: the board that is there, or auto; then those that may be, one on a line with the reasons.
detect_boards() {
    conure_from_source boards --detect --json 2>/dev/null | read_json '
print(data["board"] or "auto")
for one in data["candidates"]:
    print(" ", one["name"], "-", ", ".join(one["because"]))' 2>/dev/null || echo auto
}

# check_board NAME: there is such a board, else this fails and tells which there are.
check_board() {
    if [[ $1 == auto ]] || ! command -v python3 >/dev/null; then return; fi
    conure_from_source boards "$1" >/dev/null
}

# choose_board: BOARD is what was asked for, or found and confirmed.
choose_board() {
    local found
    if [[ -e $CONFIG ]]; then
        say "the configuration is kept: $CONFIG"
        if [[ -n $BOARD ]]; then say "--board is for a first installation; see [board] name there"; fi
        BOARD=$(configured_board)
        return
    fi
    if [[ -n $BOARD ]]; then return; fi
    found=$(detect_boards)
    BOARD=${found%%$'\n'*}
    if [[ $ASK == yes ]]; then confirm_board "$(tail -n +2 <<<"$found")"; fi
    say "board: $BOARD"
}

# confirm_board FOUND
confirm_board() {
    local answer
    if [[ -n $1 ]]; then
        printf 'What is here looks like:\n%s\n' "$1" >&2
    else
        say "no board was recognised; auto uses the sound card that there is"
    fi
    while true; do
        read -rp "Board (? lists all) [$BOARD]: " answer || answer=
        if [[ $answer == '?' ]]; then
            conure_from_source boards >&2 || true
        elif check_board "${answer:-$BOARD}"; then
            BOARD=${answer:-$BOARD}
            return
        fi
    done
}

configured_board() {
    python3 -I -c 'import sys, tomllib
with open(sys.argv[1], "rb") as file:
    print(tomllib.load(file).get("board", {}).get("name", "auto"))' "$CONFIG" 2>/dev/null || echo auto
}

# config_text: what a new installation starts with.
config_text() {
    cat <<EOF
# Conure's configuration. \`conure config show\` prints every key with its value in force.
# After a change: conure config check && sudo systemctl restart conure

[board]
name = $(toml_text "$BOARD")
EOF
}

# toml_text TEXT: as a TOML string; one with control characters is for the check to refuse.
toml_text() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# board_overlay: what the board in force wants in config.txt, one line each.
board_overlay() { board_json | read_json '
print(*data.get("setup", {}).get("config_txt", ()), sep="\n", end="")'; }

# board_cards: the ALSA card ids that the board may have; board_levels: CONTROL, a tab, VALUE.
board_cards() { board_json | read_json '
sound = data.get("sound", {})
print(*dict.fromkeys([*sound.get("speaker", ()), *sound.get("mic", ())]), sep="\n")'; }
board_levels() { board_json | read_json '
for level in data.get("setup", {}).get("mixer", ()):
    print(level["control"], level["value"], sep="\t")'; }

# set_levels: the initial levels of the board, on each of its cards that is there, once: what their owner
# changes later is his. A card that comes with an overlay is there after a restart only.
set_levels() {
    local card
    while read -r card; do
        if [[ -n $card && -e $ASOUND/$card ]] && ! made levels | grep -qxF -- "$BOARD $card"; then
            set_levels_of "$card"
        fi
    done < <(board_cards)
}

set_levels_of() {
    local card=$1 control value levels
    levels=$(board_levels)
    if [[ -z $levels ]]; then return; fi
    say "setting the levels of sound card $card"
    while IFS=$'\t' read -r control value; do
        amixer --quiet -c "$card" cset "name=$control" "$value" </dev/null >/dev/null ||
            say "card $card does not take \"$control\" = $value; see conure boards $BOARD"
    done <<<"$levels"
    alsactl store "$card" || say "the levels of card $card will be lost at a restart: alsactl cannot store them"
    note_made levels "$BOARD $card"
}

tell_driver() {
    local driver
    driver=$(board_json | read_json 'print(data.get("setup", {}).get("driver", ""))')
    if [[ -n $driver ]]; then say "this board needs a driver besides: $driver"; fi
}

board_json() { "$COMMAND" boards "$BOARD" --json 2>/dev/null || echo '{}'; }

read_json() { python3 -I -c "import json, sys; data = json.load(sys.stdin)
$1"; }

# config_txts: the files in which the firmware may find the overlays, the likelier first.
config_txts() {
    local folder
    for folder in "${BOOT_FOLDERS[@]}"; do
        if [[ -f $folder/config.txt ]]; then echo "$folder/config.txt"; fi
    done
}

# edit_config_txt has|add|remove FILE: see config_txt.py, which also tells what each status means.
edit_config_txt() { python3 -I "$CONFIG_TXT_EDITOR" "$@"; }

# offer_overlay LINES: they are in config.txt, or their owner knows of them.
offer_overlay() {
    local file answer=n
    file=$(config_txts | head -n 1)
    if [[ -z $file ]]; then
        if [[ $OVERLAY == yes ]]; then fail "--overlay: there is no config.txt in ${BOOT_FOLDERS[*]}: is this a Raspberry Pi?"; fi
        return
    fi
    if edit_config_txt has "$file" <<<"$1"; then return; fi
    if [[ $OVERLAY == ask && $ASK == yes ]]; then
        printf 'This board needs in %s:\n%s\n' "$file" "$1" >&2
        read -rp 'Add that? [y/N] ' answer || answer=n
    fi
    if [[ $OVERLAY == yes || $answer == [yYjJ]* ]]; then
        write_overlay "$file" "$1"
    else
        say "the board needs this in $file; scripts/install --overlay adds it:"
        say "  ${1//$'\n'/$'\n'  }"
    fi
}

# write_overlay FILE LINES
write_overlay() {
    edit_config_txt add "$1" <<<"$2" || fail "the overlay was not written (see above); without --overlay all else is installed"
    say "$1 has the overlay now ($1.before-conure is as it was); it takes effect at a restart;"
    say "after that, start scripts/install once more, for the sound levels"
}

# remove_overlay: Conure's lines are in no config.txt, or their owner knows of them.
remove_overlay() {
    local file status
    while read -r file; do
        status=0
        edit_config_txt remove "$file" </dev/null || status=$?
        case $status in
            0) say "the overlay was taken out of $file" ;;
            3) ;;  # there was none
            *) say "what Conure wrote into $file is still there" ;;
        esac
    done < <(config_txts)
}
