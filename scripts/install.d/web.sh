# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# The gateway, for who asks for it by --with web: its user, sockets and service. Sourced, never run.

# has_web: the extra is among those that are chosen.
has_web() { [[ " ${CHOSEN[*]-} " == *" web "* ]]; }

# start_web: the page is served, at the ports that are free. What fails does not undo the installation of the speaker.
start_web() {
    choose_web_ports
    systemctl --quiet enable "$WEB_SERVICE" "${WEB_SOCKETS[@]}" "$WEB_PATH"
    if ! systemd_runs; then return; fi
    systemctl daemon-reload
    if [[ $START == no ]]; then
        say "the page is not started, as --no-start says; it starts at the next boot"
    elif systemctl start "${WEB_SOCKETS[@]}" "$WEB_PATH" && systemctl restart "$WEB_SERVICE"; then
        say "the page is served; to let a browser in, open the address below, or run: sudo conure web pair"
        "$COMMAND" web pair </dev/null || say "no code could be made; try: sudo conure web pair"
    else
        say "the page does not start; this tells why: journalctl -u conure-web -n 50"
    fi
}

# leave_web: there is no gateway any more; called while its units are still there.
leave_web() {
    local unit
    for unit in "${WEB_SOCKETS[@]}" "$WEB_PATH" "$WEB_SERVICE"; do  # a socket would start the service again
        if [[ ! -e $UNITS/$unit ]]; then continue; fi
        if systemd_runs && systemctl --quiet is-active "$unit"; then systemctl stop "$unit"; fi
        systemctl --quiet disable "$unit" || true
        remove_file "$(web_port_drop_in "$unit")"
    done
    remove_file "$WEB_KEY_DROP_IN"
    for unit in "$WEB_SERVICE" "${WEB_SOCKETS[@]}"; do
        if [[ -d $UNITS/$unit.d ]]; then rmdir --ignore-fail-on-non-empty -- "$UNITS/$unit.d"; fi
    done
    if [[ $(made web-port) ]]; then sed -i '/^web-port /d' "$MADE"; fi  # else an installation would change the file
}

web_port_drop_in() { echo "$UNITS/$1.d/port.conf"; }

# choose_web_ports: the units' ports, or others where those are another program's. Ours are not looked at again.
choose_web_ports() {
    local number unit port other
    for number in "${!WEB_SOCKETS[@]}"; do
        unit=${WEB_SOCKETS[number]} port=${WEB_PORTS[number]} other=${OTHER_WEB_PORTS[number]}
        if made web-port | grep -q "^$unit "; then continue; fi
        if port_is_free "$port"; then
            note_made web-port "$unit $port"
            continue
        fi
        say "port $port is in use; the gateway takes $other for it"
        put_file "$(web_port_drop_in "$unit")" 0644 < <(printf '[Socket]\nListenStream=\nListenStream=%s\nListenStream=%s\n' \
            "0.0.0.0:$other" "[::]:$other")
        note_made web-port "$unit $other"
    done
}

# port_is_free PORT: nobody listens there, on any address.
port_is_free() {
    python3 -I -c 'import socket, sys
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("0.0.0.0", int(sys.argv[1])))
        probe.listen()
    except OSError:
        sys.exit(1)' "$1"
}
