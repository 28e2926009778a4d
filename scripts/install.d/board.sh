# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# Which board it is, and what that asks of the system: a device-tree overlay, levels of the mixer.
# Sourced, never run. What is known of boards is asked of the program: `conure boards`.

OVERLAY_BEGIN='# conure: begin (scripts/install --overlay)'
OVERLAY_END='# conure: end'

# Conure from the source tree: its command line needs nothing but Python, so it can be asked before all else.
conure_from_source() { PYTHONPATH=$ROOT python3 -B -m daemon "$@"; }

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
    python3 -c 'import sys, tomllib
with open(sys.argv[1], "rb") as file:
    print(tomllib.load(file).get("board", {}).get("name", "auto"))' "$CONFIG" 2>/dev/null || echo auto
}

# write_config: what a new installation starts with.
write_config() {
    put_file "$CONFIG" 0644 <<EOF
# Conure's configuration. \`conure config show\` prints every key with its value in force.
# After a change: conure config check && sudo systemctl restart conure

[board]
name = "$BOARD"
EOF
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

read_json() { python3 -c "import json, sys; data = json.load(sys.stdin)
$1"; }

# config_txt: the file in which the firmware finds the overlays, or nothing.
config_txt() {
    local folder
    for folder in "${BOOT_FOLDERS[@]}"; do
        if [[ -f $folder/config.txt ]]; then
            echo "$folder/config.txt"
            return
        fi
    done
}

# offer_overlay LINES: they are in config.txt, or their owner knows of them.
offer_overlay() {
    local file answer=n
    file=$(config_txt)
    if overlay_is_there "$1" "$file"; then return; fi
    if [[ $OVERLAY == ask && $ASK == yes ]]; then
        printf 'This board needs in %s:\n%s\n' "$file" "$1" >&2
        read -rp 'Add that? [y/N] ' answer || answer=n
    fi
    if [[ $OVERLAY == yes || $answer == [yYjJ]* ]]; then
        write_overlay "$1"
    else
        say "the board needs this in $file; scripts/install --overlay adds it:"
        say "  ${1//$'\n'/$'\n'  }"
    fi
}

# overlay_is_there LINES FILE: each of them, whoever wrote them.
overlay_is_there() {
    local line
    while read -r line; do
        grep -qxF -- "$line" "$2" || return 1
    done <<<"$1"
}

# write_overlay LINES: they are at the end of config.txt, which was copied before it was changed.
write_overlay() {
    local file
    file=$(config_txt)
    if [[ -z $file ]]; then fail "there is no config.txt in ${BOOT_FOLDERS[*]}: this is no Raspberry Pi"; fi
    if [[ ! -e $file.before-conure ]]; then cp --preserve -- "$file" "$file.before-conure"; fi
    # [all]: the file may end within a section for one model.
    put_boot_file "$file" < <(without_overlay "$file"; printf '%s\n' "$OVERLAY_BEGIN" '[all]' "$1" "$OVERLAY_END")
    say "$file has the overlay now ($file.before-conure is as it was); it takes effect at a restart;"
    say "after that, start scripts/install once more, for the sound levels"
}

remove_overlay() {
    local file
    file=$(config_txt)
    if [[ -z $file ]] || ! grep -qxF -- "$OVERLAY_BEGIN" "$file"; then return; fi
    put_boot_file "$file" < <(without_overlay "$file")
    rm -f -- "$file.before-conure"
    say "the overlay was taken out of $file"
}

without_overlay() { sed "\|^$OVERLAY_BEGIN\$|,\|^$OVERLAY_END\$|d" "$1"; }

# The boot folder is FAT: no modes, but a rename takes the place of a file there too.
put_boot_file() {
    cat >"$1.new"
    sync -- "$1.new"
    mv -T -- "$1.new" "$1"
}
