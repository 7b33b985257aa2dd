"""A page in Debian's Chromium, headless, and what a user does on it."""

import shutil
import time

SECONDS = 150  # the machines that run this may be busy


class Page:
    """A page that is open.

    Args:
      address: str, where it is.
    """

    def __init__(self, address):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--window-size=1280,1400",
            "--enable-unsafe-swiftshader",  # WebGL without a GPU
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-quic",
            "--disable-sync",
        ):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(SECONDS)
        self.driver.get(address)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def wait(self, what, condition):
        """Waits until a function gives something true; returns it."""
        end, said = time.monotonic() + SECONDS, []
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            said += self.messages()  # they go away by themselves
            time.sleep(0.3)
        raise AssertionError(f"waited for {what}; messages: {sorted(set(said))}")

    def tab(self, title):
        tabs = self.wait("tabs", lambda: self.all("button[role=tab]"))
        next(tab for tab in tabs if tab.text == title).click()
        time.sleep(1)

    def upload(self, elem_id, path):
        """Gives a file to an input."""
        selector = f"#{elem_id} input[type=file]"
        self.wait(selector, lambda: self.all(selector))[0].send_keys(str(path))

    def upload_photo(self, elem_id, path):
        self.upload(elem_id, path)
        self.wait(f"photo in {elem_id}", lambda: self.all(f"#{elem_id} img"))

    def choose(self, elem_id, name):
        """Chooses in a drop-down list."""
        selector = f"#{elem_id} input"
        self.wait(selector, lambda: self.all(selector))[0].click()
        options = "ul[role=listbox] [role=option]"
        found = self.wait(options, lambda: self.all(options))
        next(option for option in found if option.text.strip().endswith(name)).click()

    def press(self, elem_id):
        button = self.wait(elem_id, lambda: self.all(f"#{elem_id}"))[0]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def image(self, elem_id):
        """Waits for a picture that is loaded; returns the address of its file."""
        loaded = "return arguments[0].complete && arguments[0].naturalWidth > 0"

        def shown():
            images = self.all(f"#{elem_id} img")
            return images and self.driver.execute_script(loaded, images[0]) and images[0]

        return self.wait(f"picture in {elem_id}", shown).get_attribute("src")

    def video(self, elem_id):
        """Waits for a video that can be played; returns the number of seconds it takes."""

        def ready():
            videos = self.all(f"#{elem_id} video")
            script = "return arguments[0].readyState >= 2 ? arguments[0].duration : 0"
            return videos and self.driver.execute_script(script, videos[0])

        return self.wait(f"video in {elem_id}", ready)

    def messages(self):
        """The messages that the page shows."""
        return [text for text in (toast.text for toast in self.all(".toast-body")) if text]

    def errors(self):
        """Errors in the browser's console since the last call."""
        return [line for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]

    def save_picture(self, path):
        self.driver.save_screenshot(str(path))
