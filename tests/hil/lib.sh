# shellcheck shell=bash
# shellcheck disable=SC2034  # the names are for those who source it
# What the scripts of the virtual machine share. Sourced, never run.

# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

HIL=$ROOT/tests/hil
SUITE=${CONURE_HIL_SUITE:-bookworm}
CACHE=${CONURE_HIL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/conure-hil}
IMAGE=$CACHE/$SUITE
HIL_PACKAGES=(qemu-system-x86 mmdebstrap busybox-static cpio e2fsprogs zstd xz-utils kmod)

# digest_of FILE...: one short word for all their contents, and for what is on standard input.
digest_of() { cat -- "$@" - | sha256sum | cut -c 1-16; }
