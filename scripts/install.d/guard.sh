# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# Whether the places of the installation are the installer's alone: root runs, and at the removal deletes, what it
# finds there. Sourced, never run.

# What an installation has in its folder; lost+found is there where a disk of its own is mounted.
OWN_ENTRIES=(versions current current.new previous previous.new made lost+found)

# check_home_folder: nobody else has anything in it, else this fails and says what to do.
check_home_folder() {
    local place foreign
    for place in "$HOME_FOLDER" "$VERSIONS"; do
        if [[ -L $place ]]; then
            say "$place is a link, and what it leads to is not Conure's to fill or to remove;"
            fail "put the folder itself there (where it lies on another disk: mount --bind), and start this again"
        fi
        if [[ -e $place && ! -d $place ]]; then fail "$place is in the way: it is no folder; move it away"; fi
    done
    if [[ ! -d $HOME_FOLDER ]]; then return; fi
    foreign=$(foreign_entries)
    if [[ -n $foreign ]]; then
        say "in $HOME_FOLDER, which the installation has for itself, there is also: ${foreign//$'\n'/, }"
        fail "nothing was changed; move that to another place, and start this again"
    fi
    check_only_root_writes "$HOME_FOLDER"
}

# foreign_entries: what is in the folder and not the installer's, one on a line.
foreign_entries() {
    local entry options=()
    for entry in "${OWN_ENTRIES[@]}"; do options+=(! -name "$entry"); done
    find "$HOME_FOLDER" -mindepth 1 -maxdepth 1 "${options[@]}" -printf '%f\n' | LC_ALL=C sort
}

# check_only_root_writes PLACE [OPTION…]: nobody else may change it, or what is below it, and so tell root what to do.
# Options are those of find, which limit what is looked at.
check_only_root_writes() {
    local found
    found=$(find "$1" "${@:2}" \( ! -uid "$EUID" -o ! -type l \( -perm /002 -o -perm /020 ! -gid 0 \) \) -print -quit)
    if [[ -z $found ]]; then return; fi
    say "$found is $(stat -c '%U:%G, mode %a' -- "$found"): not root alone may write there, and root would use it;"
    fail "if all of it is as it should be: sudo chown -R root:root '$1' && sudo chmod -R go-w '$1'"
}

# check_not_everybodys FOLDER: what root runs of it was not written by anybody. What has a dot in front is passed over.
check_not_everybodys() {
    local found
    found=$(find "$1" -path "$1/.*" -prune -o ! -type l -perm /002 -print -quit)
    if [[ -z $found ]]; then return; fi
    fail "everybody may write to $found, and root would run it; copy '$1' to another place, or: chmod -R o-w '$1'"
}

# check_tree: the source tree does not lie where the installation goes.
check_tree() {
    if [[ $ROOT/ == "$(realpath -m -- "$HOME_FOLDER")"/* ]]; then
        fail "this source tree is in $HOME_FOLDER, which the installation has for itself; move it to another place"
    fi
}

# check_user: the service's user is not a person.
check_user() {
    if is_person conure; then
        fail "conure is a person's account on this machine, and would become the service's; rename one of them"
    fi
}

# is_person USER: Debian gives people numbers from 1000 on (adduser.conf, login.defs).
is_person() {
    local number
    number=$(getent passwd "$1" | cut -d: -f3) || return 1
    [[ -n $number ]] && ((number >= 1000))
}

# lock: one installation or removal at a time. apt_install closes descriptor 9 for what it starts.
lock() {
    exec 9<"$HOME_FOLDER"
    flock --nonblock 9 || fail "another installation or removal is at work"
    [[ /dev/fd/9 -ef $HOME_FOLDER ]] || fail "$HOME_FOLDER was removed just now; start this again"
}
