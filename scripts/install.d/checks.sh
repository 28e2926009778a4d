# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# What is looked at before anything is changed. Sourced, never run.

# Measured on Debian 12 and 13 (scripts/try-install prints them) as 480 and 150, rounded up; a version needs
# more while it is built.
PACKAGES_MB=700
VERSION_MB=300

# check_system: this machine can have Conure, else it fails with the reason.
check_system() {
    check_architecture "$(dpkg --print-architecture 2>/dev/null || true)"
    check_distribution
    if ((EUID)); then fail "this needs root: sudo scripts/install"; fi
    command -v systemd-sysusers >/dev/null || fail "this needs systemd: apt-get install systemd"
    if [[ $ASK == yes && ! -t 0 ]]; then fail "there is no terminal to ask at; use --yes, see --help"; fi
    if [[ -n $WHEELS && ! -d $WHEELS ]]; then fail "--wheels $WHEELS: there is no such folder"; fi
    check_key_source
    check_space
}

# check_places: what root would write to and run is nobody else's.
check_places() {
    check_tree
    check_not_everybodys "$ROOT"
    if [[ -n $WHEELS ]]; then check_not_everybodys "$WHEELS"; fi
    check_home_folder
    check_user
    check_requirements
}

# check_requirements: what root is to install for the owner's tools is named by nobody else.
check_requirements() {
    if [[ ! -e $REQUIREMENTS ]]; then return; fi
    check_only_root_writes "$REQUIREMENTS"
    check_only_root_writes "$(dirname -- "$REQUIREMENTS")" -maxdepth 0
}

# check_architecture NAME: the system's, not the kernel's: a 64-bit kernel may carry a 32-bit system.
check_architecture() {
    case $1 in
        amd64 | arm64) ;;
        armhf | armel)
            say "this is a 32-bit system: PyPI has no wheels of numpy, cffi and webrtcvad-wheels for it, and"
            fail "building numpy takes hours on a small board; use the 64-bit Raspberry Pi OS (Pi 3, Zero 2 W and newer)"
            ;;
        '') fail "this is no Debian: there is no dpkg; scripts/run starts Conure in the foreground" ;;
        *) fail "Conure runs on arm64 and amd64, and this is $1" ;;
    esac
}

check_distribution() {
    local id='' version=''
    # shellcheck source=/dev/null  # of the machine
    { id=$(. /etc/os-release && echo "${ID:-}") && version=$(. /etc/os-release && echo "${VERSION_ID:-}"); } || true
    case $id-$version in
        debian-12 | debian-13 | raspbian-12 | raspbian-13) ;;
        debian-[0-9] | debian-1[01]) fail "this is Debian $version; Conure needs 12 or 13" ;;
        *) say "this is ${id:-a system without a name} ${version:-}; only Debian 12 and 13 have been tried" ;;
    esac
}

check_key_source() {
    case $KEY_SOURCE in
        /*) if [[ ! -r $KEY_SOURCE ]]; then fail "--key-file $KEY_SOURCE: cannot be read"; fi ;;
        stdin) if [[ $ASK == yes ]]; then fail "--key-stdin needs --yes: standard input cannot answer questions too"; fi ;;
    esac
    if [[ $ENCRYPT == yes ]] && ! command -v systemd-creds >/dev/null; then
        fail "--encrypt-key needs systemd-creds, which this systemd does not have"
    fi
}

# check_space: there is room for what would be installed, each file system counted once.
check_space() {
    local needed_mb=$VERSION_MB packages
    mapfile -t packages < <(missing_packages "${PACKAGES[@]}")
    if [[ $APT == yes ]] && ((${#packages[@]})) && same_file_system /usr /opt; then
        needed_mb=$((needed_mb + PACKAGES_MB))
    fi
    if (($(free_mb /opt) < needed_mb)); then
        fail "there are $(free_mb /opt) MB free in /opt, and $needed_mb MB are needed; make room, and start this again"
    fi
}

free_mb() { df --block-size=1M --output=avail -- "$1" | tail -n 1 | tr -d ' '; }

same_file_system() { [[ $(stat -c %d -- "$1") == $(stat -c %d -- "$2") ]]; }

say_what_it_takes() {
    say "Conure for $HOME_FOLDER: a minute on a PC, some on a Pi 4 or 5, perhaps fifteen on a Pi Zero 2 W;"
    say "up to $PACKAGES_MB MB for system packages, and $VERSION_MB MB for each of two versions"
}
