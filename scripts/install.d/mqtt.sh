# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# The bridge to an MQTT broker, for who asks for it by --with mqtt. With the gateway it is in the gateway's process; else
# it is a service of its own. Sourced, never run.

# has_mqtt: the extra is among those that are chosen.
has_mqtt() { [[ " ${CHOSEN[*]-} " == *" mqtt "* ]]; }

has_mqtt_alone() { has_mqtt && ! has_web; }

# start_mqtt: the bridge runs. What fails does not undo the installation of the speaker.
start_mqtt() {
    systemctl --quiet enable "$MQTT_SERVICE"
    if ! systemd_runs; then return; fi
    systemctl daemon-reload
    if [[ $START == no ]]; then
        say "the bridge to the broker is not started, as --no-start says; it starts at the next boot"
    elif systemctl restart "$MQTT_SERVICE"; then
        say "the speaker is shown at the broker; see docs/use/home.md"
    else
        say "the bridge to the broker does not start: is [mqtt] host set in $CONFIG? journalctl -u conure-mqtt -n 20 tells;"
        say "then: sudo systemctl restart conure-mqtt"
    fi
}

# leave_mqtt: there is no bridge of its own any more; called while its unit is still there.
leave_mqtt() {
    if [[ ! -e $UNITS/$MQTT_SERVICE ]]; then return; fi
    if systemd_runs && systemctl --quiet is-active "$MQTT_SERVICE"; then systemctl stop "$MQTT_SERVICE"; fi
    systemctl --quiet disable "$MQTT_SERVICE" || true
}
