"""`python -m tests.offline COMMAND …`: run a command where there is no network but the loopback interface.

Exits with code 77 when the system gives no network namespace: Linux alone has them, and not to everyone.
See: https://man7.org/linux/man-pages/man7/network_namespaces.7.html
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

NO_NAMESPACE = 77
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


def leave_the_network() -> bool:
    """Move this process into a network namespace of its own, with loopback up; False where that is refused."""
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is None or (unshare(_NEW_NETWORK) and unshare(_NEW_USER | _NEW_NETWORK)):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))
    return True


def main() -> int:
    """Run the command in this process's place."""
    if leave_the_network():
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
    return NO_NAMESPACE


if __name__ == "__main__":
    raise SystemExit(main())
