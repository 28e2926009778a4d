# shellcheck shell=bash
# What the scripts share: the virtual environment, and what it takes to make it. Sourced, never run.
#
# Every environment is built whole in .venvs/KIND-FINGERPRINT and only then linked as .venv, so the link
# is the proof that it is complete and current: a set-up that was interrupted leaves the old link alone,
# and a later start compares one name. KIND is `run`, or `dev`, which holds all of `run` and the tools.

ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
VENV=$ROOT/.venv

# PyAudio and systemd-python have no wheels, and lgpio has none for Python 3.13: these are built here.
BUILD_PACKAGES=(gcc libc6-dev pkg-config swig portaudio19-dev libsystemd-dev)
RUN_PACKAGES=(ca-certificates "${BUILD_PACKAGES[@]}")
# The device tests bring up a PulseAudio of their own, and reach it through ALSA as a program would; the
# network tests break a loopback of their own with ip and tc; the front end is tried on sentences that are spoken here;
# the shells read the completions that are made for them.
DEV_PACKAGES=(pulseaudio pulseaudio-utils libasound2-plugins iproute2 espeak-ng mosquitto fish zsh)
PYTHON_PACKAGES=(python3 python3-venv python3-dev)
# What most speakers do not need: the optional dependencies of pyproject.toml, each with a requirements-NAME.lock.
EXTRAS=(mcp media mqtt wake web)
FORMER_EXTRAS=(silero)  # every speaker has it; the name may stand in older commands and installations

say() { printf 'conure: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# ensure_environment run|dev: .venv is complete and current when this returns, else it exits non-zero.
ensure_environment() {
    if is_current "$1"; then return; fi
    mkdir -p "$ROOT/.venvs"
    (
        trap 'say "interrupted; start this again, and it begins anew"; exit 130' INT
        flock --nonblock 9 || { say "another set-up is at work in this folder; waiting for it"; flock 9; }
        is_current "$1" || set_up "$1"
    ) 9>"$ROOT/.venvs/lock"
}

is_current() {
    local linked wanted
    linked=$(readlink -- "$VENV") || return 1
    wanted=$(fingerprint)
    [[ -x $VENV/bin/conure ]] && [[ -x $VENV/bin/python ]] &&
        [[ $linked == .venvs/"$1"-"$wanted" || $linked == .venvs/dev-"$wanted" ]]
}

# Everything that decides what is installed. The folder's own path is in it, for the commands in an
# environment name their interpreter by its whole path: a folder that was moved needs a new one.
fingerprint() {
    { printf '%s\n' "$ROOT"; cat "$ROOT"/requirements*.lock "$ROOT"/{pyproject.toml,scripts/lib.sh}; } |
        sha256sum | cut -c 1-16
}

set_up() {
    local kind=$1 started_s=$SECONDS home python
    home=.venvs/$kind-$(fingerprint)
    cd -- "$ROOT" || exit
    if [[ -e $VENV || -L $VENV ]] && [[ $(readlink -- "$VENV") != .venvs/* ]]; then
        fail "$VENV was not made by these scripts; move it away and start this again"
    fi
    say "setting up in $ROOT/.venvs: once, about a minute on a PC; we guess ten on a Pi Zero 2 W"
    install_system_packages "$kind"
    python=$(find_python) || fail "no Python fits: it must be 3.11 or newer, 64-bit, with venv and headers"
    install_python_packages "$kind" "$python" "$home"
    link_environment "$home"
    say "set up in $((SECONDS - started_s)) s"
}

# The distribution's own python3 comes first: its headers and venv are what apt-get can bring.
#
# -I, here and wherever these scripts start a Python: what lies in the current folder, in PYTHONPATH or among a
# user's own packages is not imported, which may be root's Python in a folder of anybody's.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -I - 2>/dev/null <<'PYTHON'; then return; fi
import ensurepip, os, sys, sysconfig, venv
header = os.path.join(sysconfig.get_path("include"), "Python.h")
if sys.version_info < (3, 11) or sys.maxsize < 2**32 or not os.path.exists(header):
    sys.exit(1)
print(os.path.realpath(sys.executable))
PYTHON
    done
    return 1
}

install_system_packages() {
    local wanted=("${RUN_PACKAGES[@]}") missing
    if [[ $1 == dev ]]; then wanted+=("${DEV_PACKAGES[@]}"); fi
    if ! find_python >/dev/null; then wanted+=("${PYTHON_PACKAGES[@]}"); fi
    if ! command -v apt-get >/dev/null; then
        say "this is not a Debian: make sure that what these hold is there: ${wanted[*]}"
        return
    fi
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if ((${#missing[@]})); then apt_install "${missing[@]}"; fi
}

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || printf '%s\n' "$package"
    done
}

apt_install() {
    local as_root=()
    if ((EUID != 0)); then
        as_root=(sudo -n)
        if ! sudo -n true 2>/dev/null; then
            say "system packages are missing; install them with this command, and start this again:"
            fail "  sudo apt-get install --no-install-recommends $*"
        fi
    fi
    say "installing system packages with apt-get: $*"
    # Descriptor 9 is the lock; a service that starts upon installation must not keep it.
    "${as_root[@]}" apt-get update -qq 9>&- || say "the package lists could not be brought up to date"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" </dev/null >/dev/null 9>&- ||
        fail "apt-get could not install: $*"
}

# install_python_packages run|dev PYTHON HOME
install_python_packages() {
    local lock=requirements.lock
    if [[ $1 == dev ]]; then lock=requirements-dev.lock; fi
    say "installing Python packages with $2: $(grep -c '^[a-z]' "$lock") from $lock"
    rm -rf -- "$3"  # what an interrupted set-up left
    install_locked "$2" "$3" "$lock"
    pip_install "$3" --no-deps --no-build-isolation --editable .
}

# read_extras LIST: CHOSEN is what a list like mcp,wake names, in order and once each; "none" is none.
read_extras() {
    local name
    CHOSEN=()
    for name in ${1//,/ }; do
        if [[ $name == none ]]; then continue; fi
        if [[ " ${FORMER_EXTRAS[*]} " == *" $name "* ]]; then
            say "$name needs no --with: every installation has it"
            continue
        fi
        if [[ " ${EXTRAS[*]} " != *" $name "* ]]; then fail "there is no extra \"$name\"; there are: ${EXTRAS[*]}"; fi
    done
    for name in "${EXTRAS[@]}"; do
        if [[ ,$1, == *,"$name",* ]]; then CHOSEN+=("$name"); fi
    done
}

# extra_locks: the lock files of CHOSEN, one on a line.
extra_locks() {
    local name
    for name in ${CHOSEN[@]+"${CHOSEN[@]}"}; do echo "$ROOT/requirements-$name.lock"; done
}

# The locks without their hashes: a wheel that was built elsewhere has one of its own.
locked_versions() { extra_locks | xargs -d '\n' sed -n 's/^\([a-zA-Z0-9].*\) \\$/\1/p' "$ROOT/requirements.lock"; }

# install_locked PYTHON HOME LOCK: a new environment with all that the lock names, each file by its hash.
install_locked() {
    "$1" -I -m venv "$2"
    pip_install "$2" --require-hashes -r "$ROOT/requirements-build.lock"
    # PYPI=1 makes lgpio, where it is built from source, bring its C library along.
    PYPI=1 pip_install "$2" --require-hashes --no-build-isolation -r "$ROOT/$3"
}

pip_install() {
    local home=$1
    shift
    "$home/bin/python" -I -m pip install --quiet --no-input --disable-pip-version-check "$@" </dev/null >&2 ||
        fail "Python packages could not be installed (see above): is there a network, and 400 MB of room?"
}

# The environment before this one stays: a daemon may still be running from it.
link_environment() {
    local home=$1 before old
    before=$(readlink -- "$VENV" || true)
    ln -sfn -- "$home" "$VENV.new"
    mv -T -- "$VENV.new" "$VENV"
    for old in .venvs/*-*; do
        if [[ $old != "$home" && $old != "$before" ]]; then rm -rf -- "$old"; fi
    done
}
