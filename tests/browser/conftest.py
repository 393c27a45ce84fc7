"""A real JupyterLab (or Notebook 7) and a real Chromium, driven by Playwright."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """A Jupyter server with configuration, data and workspaces of its own."""

    def __init__(self, directory, application):
        self.application = application
        self.directory = directory
        (directory / "notebooks").mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "IPYTHONDIR": "ipython",
        }
        env = {**os.environ, **{name: str(directory / folder) for name, folder in own.items()}}
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT), env.get("PYTHONPATH", "")])
        env["TF_CPP_MIN_LOG_LEVEL"] = "3"
        app = "LabApp" if application == "lab" else "JupyterNotebookApp"
        command = [
            *(sys.executable, "-m", "jupyter", application, "--no-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--IdentityProvider.token="),
            # The tests shut kernels down from outside of any page.
            "--ServerApp.disable_check_xsrf=True",
            *(f"--ServerApp.root_dir={directory / 'notebooks'}", f"--{app}.expose_app_in_browser=True"),
        ]
        settings = directory / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        # Without this, JupyterLab's question about news stands over the page.
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        self.log = (directory / "server.log").open("wb")
        self.process = subprocess.Popen(command, env=env, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, (directory / "server.log").read_text()
            assert time.monotonic() < deadline, (directory / "server.log").read_text()
            time.sleep(0.2)

    def answers(self):
        try:
            urllib.request.urlopen(f"{self.url}/api", timeout=1).close()  # noqa: S310 - our own server
        except OSError:
            return False
        return True

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def write(self, name, cells):
        """Write a notebook of code cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        path = self.directory / "notebooks" / name
        nbformat.write(notebook, path)
        return path

    def end_kernels(self):
        """Shut down all kernels, so that no loop goes on behind the next test."""
        with urllib.request.urlopen(f"{self.url}/api/kernels", timeout=5) as answer:  # noqa: S310
            kernels = json.load(answer)
        for kernel in kernels:
            url = f"{self.url}/api/kernels/{kernel['id']}"
            request = urllib.request.Request(url, method="DELETE")  # noqa: S310
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()


class Notebook:
    """A notebook in a page, as its user sees it."""

    def __init__(self, server, page, name):
        self.server, self.page, self.name = server, page, name
        self.console, self.errors = [], []
        page.on("console", lambda message: self.console.append((message.type, message.text)))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.open()

    def open(self):
        if self.server.application == "lab":
            # A workspace of its own: else JupyterLab opens the notebooks of the tests before, too.
            where = f"lab/workspaces/{Path(self.name).stem}/tree"
        else:
            where = "notebooks"
        self.page.goto(f"{self.server.url}/{where}/{self.name}", wait_until="domcontentloaded")
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell.currentWidget;
                if (panel?.context?.path?.endsWith('.ipynb')) window.panel = panel;
                return Boolean(window.panel);
            }""",
            timeout=60_000,
        )
        self.page.evaluate(
            "async () => { await panel.context.ready; await panel.context.sessionContext.ready; }"
        )

    def wait_for_kernel(self):
        self.page.evaluate("async () => { await panel.context.sessionContext.session.kernel.info; }")

    def start(self, index):
        """Run a cell without waiting for its end."""
        self.page.evaluate(
            """index => {
                panel.content.activeCellIndex = index; panel.content.deselectAll();
                window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def wait_until_idle(self, timeout=90):
        self.page.wait_for_function(
            # The kernel's own status tells nothing: a message to a subshell makes it idle, too.
            "() => ![...document.querySelectorAll('.jp-InputPrompt')].some(p => p.textContent.includes('*'))",
            timeout=timeout * 1000,
        )

    def run(self, index, timeout=90):
        self.start(index)
        self.page.wait_for_timeout(200)
        self.wait_until_idle(timeout)

    def cell(self, index):
        return self.page.locator(".jp-Notebook-cell").nth(index)

    def monitor(self, index):
        return self.cell(index).locator(".nbkeras")

    def set_theme(self, name):
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name
        )
        light = "false" if "Dark" in name else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")

    def save(self):
        self.page.evaluate("async () => { await panel.context.save(); }")
        return json.loads((self.server.directory / "notebooks" / self.name).read_text())


def _server(tmp_path_factory, application):
    server = Server(tmp_path_factory.mktemp(application), application)
    yield server
    server.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    yield from _server(tmp_path_factory, "lab")


@pytest.fixture(scope="session")
def notebook7(tmp_path_factory):
    yield from _server(tmp_path_factory, "notebook")


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture(scope="module")
def module_page(browser):
    """A page that the tests of a module share, so that they import TensorFlow once."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def open_in(request):
    """Write a notebook for a module of tests, and open it with a kernel that is ready."""

    def start(server, page, cells):
        name = f"{request.node.path.stem}.ipynb"
        server.write(name, cells)
        notebook = Notebook(server, page, name)
        notebook.wait_for_kernel()
        return notebook

    return start


@pytest.fixture
def open_page(request):
    """Write a notebook of its own for the test, and open it with a kernel that is ready."""
    used = []

    def start(server, page, cells):
        used.append(server)
        name = f"{request.node.name.translate(str.maketrans('[] ', '---'))}.ipynb"
        server.write(name, cells)
        notebook = Notebook(server, page, name)
        notebook.wait_for_kernel()
        return notebook

    yield start
    for server in used:
        server.end_kernels()
