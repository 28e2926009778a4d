# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# The steps of an installation, in order. Sourced by scripts/install, whose options these read.

ALL_STEPS=(
    "packages:system packages"
    "program:the program"
    "configuration:the configuration"
    "key:the API key"
    "switch:the switch to this version"
    "sound:sound levels and overlay of the board"
    "service:the service"
    "web:the gateway"
    "mqtt:the broker of the house"
    "doctor:a look at the whole"
)
NEW_CONFIG=no

# What the program loads and alsa-utils, which sets the levels; with --wheels nothing is compiled.
PACKAGES=("${RUN_PACKAGES[@]}" "${PYTHON_PACKAGES[@]}" alsa-utils)
OFFLINE_PACKAGES=(ca-certificates libportaudio2 python3 python3-venv alsa-utils)

# All questions come before the work, so that nobody has to wait for the next one.
ask_questions() {
    if [[ $BOARD == *.toml ]]; then BOARD=$(realpath -m -- "$BOARD"); fi
    if [[ -n $BOARD ]]; then check_board "$BOARD" || fail "--board $BOARD cannot be used (see above)"; fi
    choose_board
    case $KEY_SOURCE in
        /*) read_key_from "$KEY_SOURCE" "--key-file $KEY_SOURCE" ;;
        stdin) read_key_from /dev/stdin "standard input" ;;
        ask) if [[ $ASK == yes && $STANDIN == no ]] && ! has_key; then ask_key; fi ;;
    esac
}

step_packages() {
    local wanted=("${PACKAGES[@]}") missing package
    if [[ -n $WHEELS ]]; then wanted=("${OFFLINE_PACKAGES[@]}"); fi
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if ((${#missing[@]} == 0)); then return; fi
    if [[ $APT == no ]]; then
        say "these are not there, and --no-apt leaves it so: ${missing[*]}"
        return
    fi
    apt_install "${missing[@]}"
    for package in "${missing[@]}"; do note_made package "$package"; done
}

step_program() {
    local python
    python=$(program_python "$WHEELS") || fail "no Python fits: it must be 3.11 or newer, with venv; see --packages-only"
    VERSION=$(version_name "$python")
    if [[ -d $VERSIONS/$VERSION ]]; then
        say "$VERSION is there already"
        return
    fi
    say "building $VERSION; this takes the longest"
    build_program "$python" "$VERSION" "$WHEELS"
}

step_configuration() {
    local new
    if [[ -e $CONFIG ]]; then
        check_config "$CONFIG" || fail "this version does not take $CONFIG (see above); mend it, and start this again"
        return
    fi
    new=$(mktemp -- "$VERSIONS/.building.XXXXXX")  # removed when the installation ends
    config_text >"$new"
    check_config "$new" || fail "a configuration with the board $BOARD would not be valid (see above); none was written"
    put_file "$CONFIG" 0644 <"$new"
    NEW_CONFIG=yes
}

# check_config FILE: this version takes it.
check_config() { "$VERSIONS/$VERSION/bin/conure" config check --config "$1" >/dev/null; }

step_key() {
    if [[ -z $API_KEY && $ENCRYPT == yes && -s $KEY ]]; then read_key_from "$KEY" "$KEY"; fi
    if [[ -n $API_KEY ]]; then
        if [[ $ENCRYPT == yes ]]; then store_key encrypt; else store_key; fi
        API_KEY=
    fi
    if [[ $STANDIN == no ]] && ! has_key; then
        say "there is no key yet; to give one: sudo scripts/install --yes --key-file FILE (or --key-stdin)"
    fi
}

step_switch() {
    if ! has_web; then leave_web; fi
    if ! has_mqtt_alone; then leave_mqtt; fi
    activate "$VERSION"
    if [[ $STANDIN == yes ]]; then use_standin; else remove_file "$STANDIN_DROP_IN"; fi
    systemctl --quiet enable "$SERVICE"
    if systemd_runs; then systemctl daemon-reload; fi
}

step_sound() {
    local overlay
    set_levels
    if [[ $NEW_CONFIG == yes ]]; then tell_driver; fi
    overlay=$(board_overlay)
    if [[ -n $overlay ]]; then offer_overlay "$overlay"; fi
}

step_service() {
    if ! systemd_runs; then
        say "systemd does not run here (a chroot, or an image being made): not started; it starts at boot"
        remove_old_versions
    elif [[ $START == no ]]; then
        say "not started, as --no-start says; start it with: sudo systemctl restart conure"
    elif [[ $STANDIN == no ]] && ! has_key; then
        say "not started, for want of a key"
    else
        start_service "$VERSION"
    fi
}

step_mqtt() {
    if has_mqtt_alone; then
        start_mqtt
    elif has_mqtt; then
        say "the gateway shows the speaker at the broker that [mqtt] host names"
    else
        say "none; --with mqtt shows the speaker to Home Assistant"
    fi
}

step_web() {
    if has_web; then
        start_web
    else
        say "there is none; --with web brings the speaker's page, and other devices as its microphone"
    fi
}

step_doctor() {
    if ! systemd_runs; then
        say "not done here, where nothing was started; on the machine itself: conure doctor"
    elif "$COMMAND" doctor --help >/dev/null 2>&1; then
        "$COMMAND" doctor </dev/null || say "what doctor found does not undo the installation"
    fi
}
