# shellcheck shell=bash
# shellcheck disable=SC2034  # read by those that source this
# Where an installed Conure is. Sourced, never run; the tests put other values into these.

HOME_FOLDER=/opt/conure                # all of the program; removed as a whole
VERSIONS=$HOME_FOLDER/versions         # one folder for each version: a virtual environment, and files/
CURRENT=$HOME_FOLDER/current           # the version in force: a link, replaced in one move
PREVIOUS=$HOME_FOLDER/previous         # the one before it
MADE=$HOME_FOLDER/made                 # what the installer made outside of its own folder, one line each
COMMAND=/usr/local/bin/conure
CONFIG=/etc/conure/config.toml         # SYSTEM_FILE of daemon/config/load.py
REQUIREMENTS=/etc/conure/tools/requirements.txt  # the packages that the owner's tools need (docs/use/service.md)
KEY_NAME=gemini-api-key                # CREDENTIAL of daemon/config/load.py
KEY=/etc/credstore/$KEY_NAME           # where LoadCredential=NAME looks (systemd.exec)
ENCRYPTED_KEY=/etc/credstore.encrypted/$KEY_NAME
SERVICE=conure.service
DROP_INS=/etc/systemd/system/$SERVICE.d
UNITS=/etc/systemd/system
WEB_SERVICE=conure-web.service
WEB_PATH=conure-apply.path             # what the page wishes of the configuration is carried out
WEB_SOCKETS=(conure-web.socket conure-web-plain.socket)
WEB_PORTS=(443 80)                     # of these sockets, as their units have them
OTHER_WEB_PORTS=(8443 8080)            # where those are another program's
WEB_STATE=/var/lib/conure-web          # SYSTEM_FOLDER of daemon/web/gate/places.py
MQTT_SERVICE=conure-mqtt.service
MQTT_PASSWORD=/etc/credstore/mqtt-password    # PASSWORD_CREDENTIAL of daemon/config/broker_password.py
WEB_DROP_INS=$UNITS/$WEB_SERVICE.d
STANDIN_DROP_IN=$DROP_INS/standin.conf
KEY_DROP_IN=$DROP_INS/encrypted-key.conf
WEB_KEY_DROP_IN=$WEB_DROP_INS/encrypted-key.conf
STATE=/var/lib/conure                  # StateDirectory= of the unit
RUNTIME=/run/conure                    # RuntimeDirectory= of the unit
SYSTEM_ROOT=                           # in front of the paths at which a version's files/ are put
SYSTEMD=/run/systemd/system            # there while systemd is at work (sd_booted(3))
ASOUND=/proc/asound                   # a folder for each sound card, by its id
BOOT_FOLDERS=(/boot/firmware /boot)    # Raspberry Pi OS 12 and newer, and older ones
