# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# The API key, from its owner's hands into systemd's credential store. Sourced, never run.
#
# It lives in one shell variable, which is not exported; only builtins see it, so it is in no process's
# arguments or environment. Tracing is off while it is handled.

API_KEY=
KEY_LIMIT_BYTES=4096                         # KEY_LIMIT_BYTES of daemon/config/load.py
KEY_FORM='^[A-Za-z0-9._/~+-]+=*$'            # KEY_FORM of daemon/config/load.py

# read_key_from SOURCE NAME: API_KEY is what the file holds; NAME is for messages.
read_key_from() {
    { set +x; } 2>/dev/null
    if [[ ! -r $1 ]]; then fail "$2 cannot be read"; fi
    read -rd '' API_KEY < <(head -c $((KEY_LIMIT_BYTES + 1)) -- "$1") || true  # it ends without a NUL
    API_KEY=${API_KEY%$'\r'}                                                   # from another system
    if [[ -z $API_KEY ]]; then fail "$2 is empty; it must hold the API key"; fi
    check_key_form || fail "$2 must hold the API key alone, without a name, quotes or a second line"
}

# ask_key: API_KEY is what was typed, or empty for "later".
ask_key() {
    { set +x; } 2>/dev/null
    say "the API key (https://aistudio.google.com/apikey) is not shown as you type or paste it; just Enter: later"
    while true; do
        read -rsp 'API key: ' API_KEY || API_KEY=
        printf '\n' >&2
        if [[ -z $API_KEY ]] || check_key_form; then return; fi
        say "that is no API key: it has letters, digits and . _ / ~ + - only"
    done
}

check_key_form() {
    ((${#API_KEY} <= KEY_LIMIT_BYTES)) && [[ $API_KEY =~ $KEY_FORM ]]
}

has_key() { [[ -s $KEY || -s $ENCRYPTED_KEY ]]; }

# store_key [encrypt]: API_KEY is what the service gets, and is nowhere else.
store_key() {
    { set +x; } 2>/dev/null
    if [[ ${1:-} == encrypt ]]; then
        store_encrypted_key
        remove_file "$KEY"
    else
        make_folder "$(dirname -- "$KEY")" 0700
        put_file "$KEY" 0600 <<<"$API_KEY"
        remove_file "$ENCRYPTED_KEY"
        remove_file "$KEY_DROP_IN"
        remove_file "$WEB_KEY_DROP_IN"
    fi
}

# The drop-in takes the place of the unit's LoadCredential= of the same name: of two, systemd takes the last.
store_encrypted_key() {
    local temp=$ENCRYPTED_KEY.new
    make_folder "$(dirname -- "$ENCRYPTED_KEY")" 0700
    rm -f -- "$temp"
    printf '%s\n' "$API_KEY" | systemd-creds encrypt --name="$KEY_NAME" - "$temp" ||
        fail "systemd-creds could not encrypt the key (see above); without --encrypt-key it is kept readable to root only"
    put_file "$ENCRYPTED_KEY" 0600 <"$temp"
    rm -- "$temp"
    put_file "$KEY_DROP_IN" 0644 <<<"[Service]"$'\n'"LoadCredentialEncrypted=$KEY_NAME"
    put_file "$WEB_KEY_DROP_IN" 0644 <"$KEY_DROP_IN"
}
