"""Pictures and videos made to do harm, see `test_attacks`."""

import http.server
import struct
import threading
import zlib

import pytest

from tests.hostile.guard import refused
from tests.hostile.readers import READERS
from tf_facegan.demo import uploads
from tf_facegan.sources import images, photos
from tf_facegan.utilities import video

# Pictures


def png(width, height):
    """A picture whose header announces its size, with some zeros for its content."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1 << 20))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


@pytest.mark.parametrize("read", [images.read_rgb, photos.read_photo, images.read_grey_or_rgb])
def test_pictures_of_a_few_bytes_that_are_enormous(read, tmp_path):
    path = tmp_path / "a.png"
    for size in ((30_000, 30_000), (2**31 - 1, 2**31 - 1), (200_000, 2000)):
        path.write_bytes(png(*size))
        refused(tmp_path, "a.png: not a readable image", read, path)


@pytest.mark.parametrize("read", [images.read_rgb, photos.read_photo, images.open_rgb])
def test_pictures_that_point_beyond_every_file(read, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II+\0\x08\0\0\0" + (2**63 - 1).to_bytes(8, "little") + bytes(100))
    refused(tmp_path, "a.tif: not a readable image", read, path)


def test_pictures_that_are_programs_are_not_run(tmp_path):
    path = tmp_path / "a.png"
    header = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    path.write_bytes(header + b"(%pipe%touch x) (w) file\n")
    for read in (photos.read_photo, images.read_rgb):
        refused(tmp_path, "a.png: not a readable image", read, path)
    with pytest.raises(ValueError, match="a.png is no picture that can be read"):
        uploads.Limits().check_photo(path, "a.png")


# Videos


@pytest.fixture
def server():
    """Counts the requests to a server on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        seen = []

        def do_GET(self):
            self.seen.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    running = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", Handler.seen
    running.shutdown()


@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8", "a.mkv"])
def test_playlists_are_no_videos(name, server, tmp_path):
    address, seen = server
    other = tmp_path / "elsewhere"
    other.mkdir()
    good = READERS["mp4"].make(other)
    folder = tmp_path / "given"
    folder.mkdir()
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"
    for text in (
        f"{head}{address}/a.ts\n#EXT-X-ENDLIST\n",
        f"{head}{good}\n#EXT-X-ENDLIST\n",
        f"{head}file://{good}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {address}/a.mp4\n",
        "ffconcat version 1.0\nfile ../elsewhere/a.mp4\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    ):
        (folder / name).write_text(text)
        with pytest.raises(ValueError, match=f"{name}: not a readable video"):
            list(video.read_frames(folder / name))
        if name.endswith(uploads.VIDEOS):
            with pytest.raises(ValueError, match=f"{name} is no video that can be read"):
                uploads.Limits().check_drive(folder / name)
    assert not seen


def test_names_that_look_like_addresses_or_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.mp4", "concat:a.mp4|b.mp4", "img_%03d.png"):
        (tmp_path / name).write_bytes(b"no video")
        with pytest.raises(ValueError, match="not a readable video"):
            list(video.read_frames(name))
