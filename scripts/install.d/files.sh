# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # the parts of the installer share their variables
# Files and folders that are put into the system: each in one move, none touched that is as it should be.
# Sourced, never run. Whatever is changed sets CHANGED=yes.

CHANGED=no

# put_file PATH MODE <CONTENT: the file has this content and mode, and is root's.
put_file() {
    local path=$1 mode=$2 content temp
    content=$(cat && printf x)  # the x keeps the line ends, which $( ) takes away
    content=${content%x}
    if is_as "$path" "$mode" "$content"; then return; fi
    make_folder "$(dirname -- "$path")"
    temp=$(mktemp -- "$path.XXXXXX")
    printf '%s' "$content" >"$temp"
    chmod -- "$mode" "$temp"
    sync -- "$temp"  # else a power cut may leave an empty file under the new name
    mv -T -- "$temp" "$path"
    CHANGED=yes
}

# is_as PATH MODE CONTENT: that is what the file is already.
is_as() {
    [[ -f $1 && ! -L $1 && 0$(stat -c %a -- "$1") == "$2" ]] && cmp --silent -- - "$1" < <(printf '%s' "$3")
}

# put_link TARGET PATH
put_link() {
    if [[ $(readlink -- "$2") == "$1" ]]; then return; fi
    if [[ -e $2 && ! -L $2 ]]; then fail "$2 is in the way: it was not made by Conure; move it away"; fi
    if [[ -L $2.new ]]; then rm -- "$2.new"; fi  # what an interrupted installation left
    ln -s -- "$1" "$2.new"
    mv -T -- "$2.new" "$2"
    CHANGED=yes
}

remove_file() {
    if [[ ! -e $1 && ! -L $1 ]]; then return; fi
    rm -f -- "$1"
    CHANGED=yes
}

# make_folder PATH [MODE]: what was missing is made, and noted for the removal.
make_folder() {
    if [[ -d $1 ]]; then return; fi
    make_folder "$(dirname -- "$1")"
    if [[ ! -d $1 ]]; then mkdir --mode="${2:-0755}" -- "$1"; fi  # note_made may have made it meanwhile
    if [[ $1 != "$HOME_FOLDER" && $1 != "$HOME_FOLDER"/* ]]; then note_made folder "$1"; fi
}

# note_made KIND NAME: a folder, group or package that was not there before.
note_made() {
    mkdir -p -- "$HOME_FOLDER"
    printf '%s %s\n' "$1" "$2" >>"$MADE"
}

# made KIND: what was made of this kind, the last first.
made() {
    if [[ -e $MADE ]]; then sed -n "s/^$1 //p" "$MADE" | tac; fi
}

# put_tree FOLDER BEFORE: the files below it are in the system, at the same paths, where those below BEFORE were.
put_tree() {
    local file
    while read -r file; do
        keep_aside "$SYSTEM_ROOT$file" "$1$file" "$2$file"
        put_file "$SYSTEM_ROOT$file" 0644 <"$1$file"
    done < <(files_below "$1")
}

# keep_aside PATH NEW BEFORE: what somebody wrote there is kept beside it, under a name that systemd and udev pass over.
keep_aside() {
    if [[ ! -e $1 ]] || cmp --silent -- "$1" "$2" || cmp --silent -- "$1" "$3"; then return; fi
    cp --preserve --backup=numbered -- "$1" "$1.before-conure"
    say "$1 was not as Conure had left it, and is replaced; it is kept as $1.before-conure"
}

# remove_tree_but FOLDER KEPT: of the files below FOLDER none is in the system that is not below KEPT too.
remove_tree_but() {
    local file
    while read -r file; do
        if [[ ! -e $2$file ]]; then remove_file "$SYSTEM_ROOT$file"; fi
    done < <(files_below "$1")
}

# The files below a folder as paths from it, each with a slash in front.
files_below() {
    if [[ -d $1 ]]; then find "$1" -type f -printf '/%P\n' | LC_ALL=C sort; fi
}
