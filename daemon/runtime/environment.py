"""Takes a variable out of the environment so that no other process can read it there either."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping


def erase(names: Iterable[str], environ: MutableMapping[str, str]) -> dict[str, str]:
    """Remove these variables from `environ`, which is `os.environ`, and return what they were.

    The kernel shows every process of this user what lay in the environment at the start
    (/proc/PID/environ, proc(5)): removing a variable leaves it there, so its bytes are overwritten as well.
    Call it before other threads run, for the C library's environment has no lock.
    """
    found = {name: environ[name] for name in names if name in environ}
    for name in found:
        _overwrite(name)
        del environ[name]
    return found


def _overwrite(name: str) -> None:
    import ctypes  # 1 MB, which a speaker whose key lies in a file need not carry

    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    library.strlen.argtypes = (ctypes.c_void_p,)
    library.strlen.restype = ctypes.c_size_t
    if address := library.getenv(name.encode()):
        ctypes.memset(address, 0, library.strlen(address))
