"""Every tab of the page, used in a browser, on untrained tiny networks."""

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import cv2
import numpy as np
import pytest

from tests import untrained
from tests.demo.browser import SECONDS, Page
from tests.sources import sequences as drawn
from tf_facegan.sources.landmark_tables import write_table
from tf_facegan.sources.toy_faces import Identity, Scene, render
from tf_facegan.utilities.images import write_image
from tf_facegan.utilities.video import animation_writer

_MISSING = [name for name in ("gradio", "selenium") if importlib.util.find_spec(name) is None]
_MISSING += [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}"),
]
SYSTEMS = ("tbgan", "ganimation", "rdgan", "tdgan", "expression-cwgan", "expression-vgg16")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with an untrained run of every system."""
    folder = tmp_path_factory.mktemp("demo")
    for number, system in enumerate(SYSTEMS):
        run = untrained.make_run(system, folder / f"made-{system}")
        shutil.copytree(run, folder / "runs" / f"{number:03d}-{system}")
    return folder / "runs"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Photos and drives to upload."""
    folder = tmp_path_factory.mktemp("files")
    for number in range(2):
        face = render(Identity.random(3 + number), np.zeros(17), Scene.random(4), 160).image
        photo = np.pad(face, ((60, 30), (50, 110), (0, 0)), mode="edge")
        write_image(folder / f"photo{number}.png", photo)
    write_image(folder / "small.png", cv2.resize(photo, (60, 50)))
    drawn.write_points(folder / "small_landmarks.txt", 0)
    write_table(folder / "drive.csv", {frame: drawn.points(frame % 2) for frame in range(4)})
    with animation_writer(folder / "drive.mp4", 10) as append:
        for _ in range(4):
            append(photo)
    (folder / "text.jpg").write_text("no picture\n" * 100)
    (folder / "large.jpg").write_text("no picture\n" * 2_000_000)
    return folder


def wait_for(url, process):
    """Waits until a process answers at its address."""
    for _ in range(4 * SECONDS):
        assert process.poll() is None, "the page ended"
        try:
            urllib.request.urlopen(url, timeout=60).close()
            return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"{url} does not answer")


@pytest.fixture(scope="module")
def address(runs):
    """The page, served by the command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "tf_facegan.demo", "--runs", str(runs), "--port", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().split()[0]
            assert url == f"http://127.0.0.1:{port}"
            wait_for(url, process)
            yield url
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def page(address):
    page = Page(address)
    yield page
    page.driver.quit()


def use_action_units(page, files):
    page.tab("Action units")
    page.upload_photo("au-photo", files / "photo0.png")
    page.choose("preset", "Happiness")
    slider = "#AU12 input[type=number]"
    page.wait("the preset", lambda: float(page.all(slider)[0].get_attribute("value")) == 4)
    page.press("edit")
    assert page.image("edited") != page.image("attention")


def use_recognition(page, files):
    page.tab("Recognition")
    page.upload_photo("rec-photo", files / "photo0.png")
    page.press("recognise")
    page.wait("bars", lambda: "%" in page.all("#bars")[0].text)
    page.upload_photo("face", files / "photo0.png")
    page.upload_photo("expression", files / "photo1.png")
    page.press("transfer")
    page.image("transferred")


def use_reenactment(page, files, by_landmarks=True):
    page.tab("Reenactment")
    if by_landmarks:
        page.choose("driven", "rdgan")
        page.upload_photo("re-photo", files / "small.png")
        page.upload("points", files / "small_landmarks.txt")
        page.upload("drive", files / "drive.csv")
    else:
        page.choose("driven", "ganimation")
        page.upload_photo("re-photo", files / "photo0.png")
        page.upload("drive", files / "drive.mp4")
    page.wait("the drive", lambda: "drive" in page.all("#drive")[0].text)
    page.press("animate")
    assert page.video("moving") > 0.1


def use_3d(page, files):
    page.tab("3D faces")
    page.press("make3d")
    page.image("texture")
    page.wait("the viewer", lambda: page.all("#viewer canvas"))
    page.press("walk")
    assert page.video("walk-video") > 1


def use_samples(page, files):
    page.tab("Samples")
    page.press("samples")
    page.image("gallery")
    assert len(page.all("#gallery img")) >= 12
    page.press("move")
    assert page.video("move-video") > 1


def use_reenactment_by_action_units(page, files):
    page.driver.refresh()
    use_reenactment(page, files, by_landmarks=False)


@pytest.mark.parametrize(
    "use",
    [
        use_action_units,
        use_recognition,
        use_reenactment,
        use_reenactment_by_action_units,
        use_3d,
        use_samples,
    ],
)
def test_a_tab_is_used_without_an_error(use, page, files, tmp_path):
    page.errors()
    use(page, files)
    page.save_picture(tmp_path / "page.png")
    assert page.errors() == [] and page.messages() == []
    shown = cv2.imread(str(tmp_path / "page.png"))
    assert shown.std() > 10


def test_bad_files_are_refused_politely(address, files):
    page = Page(address)
    try:
        page.tab("Action units")
        page.upload("au-photo", files / "large.jpg")
        said = page.wait("a message", page.messages)
        assert any("size" in message for message in said)
        page.driver.refresh()
        page.tab("Action units")
        page.upload("au-photo", files / "text.jpg")
        page.wait("the file", lambda: page.all("#au-photo img"))
        page.press("edit")
        said = page.wait("a message", page.messages)
        assert any("text.jpg is no picture that can be read" in message for message in said)
    finally:
        page.driver.quit()
