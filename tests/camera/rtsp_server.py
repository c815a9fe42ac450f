"""A real RTSP server on 127.0.0.1, for tests; run it with Debian's own Python, which has GStreamer's bindings.

    /usr/bin/python3 rtsp_server.py [--file VIDEO] [--user NAME --password WORD]

The port it got from the kernel is the first line on stdout. Mounts:

    /file     VIDEO (H.264), not coded again: every client gets every frame from the first, in order, at its pace
    /pattern  endless test picture, 320×240 at 25 frames per second, x264enc tune=zerolatency, for all clients
    /audio    a tone and no video
    /blind    two seconds of picture with a tone that goes on after them
"""

from __future__ import annotations

import argparse
import ctypes
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - gi wants its versions first

PATTERN = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1"
    " ! x264enc tune=zerolatency sliced-threads=false speed-preset=ultrafast quantizer=18 pass=quant key-int-max=25"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
AUDIO = "( audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay0 pt=8 )"
BLIND = (
    "( videotestsrc is-live=true num-buffers=50 ! video/x-raw,width=320,height=240,framerate=25/1"
    " ! x264enc tune=zerolatency sliced-threads=false speed-preset=ultrafast key-int-max=25"
    " ! rtph264pay name=pay0 pt=96 audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1"
    " ! alawenc ! rtppcmapay name=pay1 pt=8 )"
)
FILE = (
    '( filesrc location="{path}" ! parsebin ! h264parse ! video/x-h264,alignment=au'
    # config-interval=-1 would repeat SPS and PPS before every slice of a key frame and so cut it in two.
    " ! rtph264pay name=pay0 pt=96 config-interval=0 )"
)
ROLE = "viewer"
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def factory(launch: str, shared: bool, guarded: bool) -> GstRtspServer.RTSPMediaFactory:
    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(launch)
    made.set_shared(shared)
    if guarded:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role(ROLE)
        for right in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role(ROLE, right, True)
        made.set_permissions(permissions)
    return made


def guard(server: GstRtspServer.RTSPServer, user: str, password: str) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", default="")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    wish = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # never outlive the tests, not even stopped
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    if wish.user:
        guard(server, wish.user, wish.password)
    launches = {"/pattern": PATTERN, "/audio": AUDIO, "/blind": BLIND}
    if wish.file:
        launches["/file"] = FILE.format(path=wish.file)
    mounts = server.get_mount_points()
    for mount, launch in launches.items():
        mounts.add_factory(mount, factory(launch, shared=mount != "/file", guarded=bool(wish.user)))
    if server.attach(None) == 0:
        return 1
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
