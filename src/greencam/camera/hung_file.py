"""A file whose reads never answer, for the drill `unkillable`: a file system of our own (FUSE), no library needed.

Whoever reads the file waits in the kernel; once killed he stays there in state D, as with a driver that hangs,
until this server ends. Usage, as root on Linux: python3 -m greencam.camera.hung_file FOLDER

The messages are those of linux/fuse.h, protocol 7.31; only what a directory with one file needs is answered.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import re
import select
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from greencam.base import proc
from greencam.base.clock import Clock
from greencam.base.errors import EXIT_OK, EXIT_USAGE, Refused
from greencam.base.proc import ChildSpec
from greencam.base.stop import Stop

FILE_NAME = "never-answers"
_DEVICE = Path("/dev/fuse")
_READY = b"mounted\n"
_START_S = 10.0  # for the server to say so
_KIND = "fuse.greencam"
_MNT_DETACH = 2  # sys/mount.h
_ROOT, _FILE = 1, 2  # node numbers; FUSE_ROOT_ID is 1
_MESSAGE_BYTES = 1 << 20
_DIRECT_IO = 1  # FOPEN_DIRECT_IO: every read comes to us, none is served or read ahead by the page cache
_FOR_EVER_S = 3600  # how long the kernel may believe our answers
_HEAD_IN = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
_HEAD_OUT = struct.Struct("<IiQ")  # length, negative errno, unique
_ATTRIBUTES = struct.Struct("<6Q10I")  # fuse_attr: ino … ctime, their nanoseconds, mode, nlink, owner, blksize
_log = logging.getLogger(__name__)


class Opcode(IntEnum):
    """Requests that need an answer other than "not implemented", or none at all (linux/fuse.h)."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    OPEN = 14
    READ = 15
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    INTERRUPT = 36
    BATCH_FORGET = 42


@dataclass(frozen=True)
class Request:
    """One message of the kernel, as far as we need it."""

    opcode: int
    unique: int
    node: int
    body: bytes


class HungFile:
    """A mounted hung file and the process that serves it; made by `mount`."""

    def __init__(self, folder: Path, server: subprocess.Popen[bytes], clock: Clock) -> None:
        self._folder, self._server, self._clock = folder, server, clock

    @property
    def path(self) -> Path:
        """The file that never answers."""
        return self._folder / FILE_NAME

    @property
    def server_pid(self) -> int:
        """The process whose end frees everybody who waits."""
        return self._server.pid

    def ensure_unmounted(self) -> None:
        """End the server, which lets every reader go, and unmount; may be called again."""
        proc.ensure_stopped(self._server, self._clock, grace_s=1.0)
        ensure_unmounted(self._folder)


def mount(folder: Path, clock: Clock) -> HungFile:
    """Serve a hung file in this empty folder from a child process, which ends with us; main thread only.

    Raises Refused, in a sentence, when that can't be: not root, no FUSE, mounting is forbidden.
    """
    _check_possible()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    argv = [sys.executable, "-P", "-m", "greencam.camera.hung_file", str(folder)]
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    with os.fdopen(read_fd, "rb", buffering=0) as said:
        try:
            server = proc.spawn(ChildSpec(argv, stdout=write_fd, stderr=write_fd))
        finally:
            os.close(write_fd)
        spoke, _, _ = select.select([said], [], [], _START_S)
        line = said.readline() if spoke else b""
    mounted = HungFile(folder, server, clock)
    if line != _READY:
        mounted.ensure_unmounted()
        raise Refused(line.decode(errors="replace").strip() or "the server of the hung file did not start")
    return mounted


def ensure_unmounted(folder: Path) -> None:
    """Unmount what a server that was killed left behind; never anything but a hung file."""
    if not is_mounted(folder):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(folder), _MNT_DETACH):
        _log.warning("%s can't be unmounted: %s", folder, os.strerror(ctypes.get_errno()))


def is_mounted(folder: Path) -> bool:
    """Whether the file system that is seen in this folder is a hung file's, its server alive or dead."""
    place = folder.parent.resolve() / folder.name
    kinds = [kind for point, kind in _mounts() if point == str(place)]
    return kinds[-1:] == [_KIND]  # the last one mounted there covers the others


def serve(fd: int, stop: Stop) -> None:
    """Answer the kernel's requests on this descriptor of /dev/fuse until told to stop or unmounted."""
    while not stop.wait(None, fd):
        try:
            message = os.read(fd, _MESSAGE_BYTES)
        except OSError as error:
            if error.errno == errno.ENODEV:  # unmounted by somebody else
                return
            if error.errno in {errno.EINTR, errno.ENOENT, errno.EAGAIN}:  # the asker gave up first
                continue
            raise
        answer = reply_to(request_in(message))
        if answer is not None:
            _send(fd, answer)


def request_in(message: bytes) -> Request:
    """The request in one message of the kernel."""
    length, opcode, unique, node, *_ = _HEAD_IN.unpack_from(message)
    return Request(opcode, unique, node, message[_HEAD_IN.size : length])


def reply_to(request: Request) -> bytes | None:
    """The answer in bytes; None for a read, which never gets one, and for what expects none."""
    if request.opcode in {Opcode.READ, Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT}:
        return None
    answer = _answer(request)
    if isinstance(answer, int):
        return _HEAD_OUT.pack(_HEAD_OUT.size, -answer, request.unique)
    return _HEAD_OUT.pack(_HEAD_OUT.size + len(answer), 0, request.unique) + answer


def _answer(request: Request) -> bytes | int:
    """The body of the answer, or an errno."""
    match request.opcode:
        case Opcode.INIT:
            # fuse_init_out: protocol, read-ahead, flags, background requests, largest write, granularity
            return struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 12, 10, 65536, 1, 0, 0, *[0] * 8)
        case Opcode.LOOKUP:
            return _lookup(request)
        case Opcode.GETATTR:
            return struct.pack("<QII", _FOR_EVER_S, 0, 0) + _attributes(request.node)
        case Opcode.OPEN:
            return struct.pack("<QII", 0, _DIRECT_IO, 0)
        case Opcode.OPENDIR:
            return struct.pack("<QII", 0, 0, 0)
        case Opcode.READDIR:
            return _entries(request)
    return errno.ENOSYS


def _lookup(request: Request) -> bytes | int:
    if request.body.rstrip(b"\0") != FILE_NAME.encode():
        return errno.ENOENT
    return struct.pack("<QQQQII", _FILE, 0, _FOR_EVER_S, _FOR_EVER_S, 0, 0) + _attributes(_FILE)


def _attributes(node: int) -> bytes:
    folder = node == _ROOT
    mode = stat.S_IFDIR | 0o755 if folder else stat.S_IFREG | 0o444
    size, links = (0, 2) if folder else (1 << 20, 1)
    return _ATTRIBUTES.pack(node, size, 0, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def _entries(request: Request) -> bytes:
    """The one name in the folder as fuse_dirent: node, offset of the next, length, type, name, padding to 8."""
    (offset,) = struct.unpack_from("<Q", request.body, 8)
    if offset:
        return b""
    name = FILE_NAME.encode()
    return struct.pack("<QQII", _FILE, 1, len(name), stat.S_IFREG >> 12) + name + b"\0" * (-len(name) % 8)


def _send(fd: int, answer: bytes) -> None:
    try:
        os.write(fd, answer)
    except OSError as error:
        if error.errno != errno.ENOENT:  # ENOENT: the asker was killed in the meantime
            raise


def _check_possible() -> None:
    if not sys.platform.startswith("linux") or not _DEVICE.exists():
        raise Refused(f"a hung file needs Linux with FUSE; there is no {_DEVICE} (try: modprobe fuse)")
    if os.geteuid() != 0:
        raise Refused("a hung file can be mounted by root only: run this with sudo")


def _mounts() -> Iterator[tuple[str, str]]:
    """Mount point and kind of every mount, in order; proc(5) writes a space in a name as \\040."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split(" ")
        yield re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point), kind


def _mounted(folder: Path) -> int:
    """Mount; the descriptor over which the kernel asks. Raises Refused."""
    fd = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fd},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"greencam", os.fsencode(folder), _KIND.encode(), 0, options):
        why = os.strerror(ctypes.get_errno())
        os.close(fd)
        raise Refused(f"a hung file can't be mounted in {folder}: {why}")
    return fd


def main(argv: list[str] | None = None) -> int:
    """Mount, tell `mounted` on stdout, serve until SIGTERM, SIGINT or the end of whoever started us."""
    words = sys.argv[1:] if argv is None else argv
    if len(words) != 1:
        print("usage: python3 -m greencam.camera.hung_file FOLDER", file=sys.stderr)
        return EXIT_USAGE
    folder, stop = Path(words[0]), Stop().on_signals()
    proc.die_with_parent(signal.SIGTERM)
    try:
        _check_possible()
        fd = _mounted(folder)
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    try:
        sys.stdout.buffer.write(_READY)
        sys.stdout.buffer.flush()
        serve(fd, stop)
    finally:
        os.close(fd)  # this is what frees the readers
        ensure_unmounted(folder)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
