"""A headless Chromium for tests of pages, with the flags that keep it on this machine."""

import contextlib
import shutil

import pytest
from selenium import webdriver

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="no chromium with its chromedriver (on Debian: apt-get install chromium chromium-driver)",
)

PHONE = (390, 844)
DESKTOP = (1280, 900)


@contextlib.contextmanager
def open_browser(folder, size=DESKTOP, dark=False):
    """Gives a browser.

    Args:
        folder: Where it keeps what it writes.
        size: Width and height of the page in pixels; a window's own least width does not bound it.
        dark: Whether the reader prefers dark pages.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={folder}/browser",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield driver
    finally:
        driver.quit()


def complaints(driver):
    """What the page wrote to the console as warnings or errors."""
    return [line["message"] for line in driver.get_log("browser") if line["level"] != "INFO"]


def scrolls_sideways(driver):
    """Whether the page is wider than the window."""
    root = "document.documentElement"
    return driver.execute_script(f"return {root}.scrollWidth > {root}.clientWidth")
