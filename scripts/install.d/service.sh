# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# The switch from one version to another, and back if the new one does not become READY. Sourced, never run.

READY_MARK=became-ready  # in a version's folder: it has been READY since it was put in force

# Whether systemd is the service manager at work: not so in a chroot or while an image is made.
systemd_runs() { [[ -d $SYSTEMD ]]; }

# The name of the version that is in force, or nothing.
version_in_force() { basename -- "$(readlink -- "$CURRENT")" 2>/dev/null || true; }

# activate NAME: this version's files are in the system, its user is there, and the links lead to it.
activate() {
    local before
    before=$(version_in_force)
    put_tree "$VERSIONS/$1/files" "$VERSIONS/$before/files"
    if [[ -n $before && $before != "$1" ]]; then
        remove_tree_but "$VERSIONS/$before/files" "$VERSIONS/$1/files"
        put_link "versions/$before" "$PREVIOUS"
        rm -f -- "$VERSIONS/$1/$READY_MARK"
    fi
    put_link "versions/$1" "$CURRENT"
    make_folder "$(dirname -- "$COMMAND")"
    put_link "$CURRENT/bin/conure" "$COMMAND"
    make_user
    if systemd_runs; then tell_systemd; fi
}

# As /usr/lib/sysusers.d/conure.conf says; a group that was not there before is noted for the removal.
make_user() {
    local before group
    before=$(getent group | cut -d: -f1)
    systemd-sysusers
    while read -r group; do
        if [[ $group != conure && $group != conure-web && $group != conure-mqtt ]]; then note_made group "$group"; fi
    done < <(getent group | cut -d: -f1 | grep -vxF "$before")
}

tell_systemd() {
    systemctl daemon-reload
    if [[ -S /run/udev/control ]]; then
        udevadm control --reload
        udevadm trigger --subsystem-match=gpio --subsystem-match=spidev --subsystem-match=leds
    fi
    if compgen -G "$CURRENT/files/usr/lib/tmpfiles.d/*" >/dev/null; then
        systemd-tmpfiles --create conure.conf
    fi
}

# The drop-in adds --standin to the command of the unit, whatever that is.
use_standin() {
    local command
    command=$(sed -n 's/^ExecStart=//p' "$CURRENT/files/etc/systemd/system/$SERVICE")
    put_file "$STANDIN_DROP_IN" 0644 <<EOF
# Made by scripts/install --standin, for trials: the service talks to itself, without a key or a network.
# It is removed by scripts/install without --standin.
[Service]
ExecStart=
ExecStart=$command --standin
EOF
}

# start_service NAME: it runs this version and has become READY; else the version before is back, and this fails.
# `systemctl restart` waits until a service of Type=notify is READY or has failed.
start_service() {
    if [[ $CHANGED == no && -e $VERSIONS/$1/$READY_MARK ]] && systemctl --quiet is-active "$SERVICE"; then
        say "it runs, and nothing has changed"
        return
    fi
    if systemctl restart "$SERVICE" && systemctl --quiet is-active "$SERVICE"; then
        touch -- "$VERSIONS/$1/$READY_MARK"
        remove_old_versions
        return
    fi
    systemctl stop "$SERVICE" || true  # it would be started again and again
    go_back "$1"
}

# go_back NAME: from this version, which did not become READY, to the one before.
go_back() {
    local before
    before=$(basename -- "$(readlink -- "$PREVIOUS" || true)")
    if [[ -z $before || $before == "$1" || -e $VERSIONS/$1/$READY_MARK ]]; then
        fail "the service does not start; this tells why: journalctl -u conure -n 50"
    fi
    say "version $1 did not become READY; going back to $before"
    activate "$before"
    put_link "versions/$before" "$PREVIOUS"
    if systemctl restart "$SERVICE"; then
        fail "$before runs again; this tells why $1 did not: journalctl -u conure -n 100"
    fi
    fail "$before is back in place, but does not start either; this tells why: journalctl -u conure -n 100"
}

# One is kept to go back to.
remove_old_versions() {
    local folder name before
    before=$(basename -- "$(readlink -- "$PREVIOUS" || true)")
    for folder in "$VERSIONS"/*/; do
        name=$(basename -- "$folder")
        if [[ $name != "$(version_in_force)" && $name != "$before" ]]; then rm -rf -- "$folder"; fi
    done
}
