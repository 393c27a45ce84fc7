"""A real JupyterLab (or Notebook 7) and a real Chromium, driven by Playwright."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
VIEWPORT = {"width": 1280, "height": 1000}


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
            # A kernel that is told to end takes seconds to tidy TensorFlow away; nobody needs that.
            "--KernelManager.shutdown_wait_time=0.1",
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
        deadline = time.monotonic() + 30
        while kernels := self.kernels():
            assert time.monotonic() < deadline, (self.directory / "server.log").read_text()
            for kernel in kernels:
                url = f"{self.url}/api/kernels/{kernel}"
                request = urllib.request.Request(url, method="DELETE")  # noqa: S310
                # The server answers 404 or 500 for a kernel that the page itself is shutting down just now.
                with suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def kernels(self):
        """Return the ids of the running kernels."""
        with urllib.request.urlopen(f"{self.url}/api/kernels", timeout=5) as answer:  # noqa: S310
            return [kernel["id"] for kernel in json.load(answer)]

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
        if page.url.startswith(f"{server.url}/lab"):
            self.open_beside()
        else:
            self.open()

    def open_beside(self):
        """Open it in a page that shows JupyterLab already: to load that takes seconds of work."""
        self.page.evaluate(
            """async name => {
                const open = { path: name, factory: 'Notebook' };
                window.panel = await jupyterapp.commands.execute('docmanager:open', open);
                for (const each of [...jupyterapp.shell.widgets('main')]) if (each !== panel) each.dispose();
                jupyterapp.shell.activateById(panel.id);
                await panel.context.ready;
                await panel.context.sessionContext.ready;
            }""",
            self.name,
        )

    def close(self):
        """Close it, and leave JupyterLab to the next one."""
        if self.server.application == "lab":
            self.close_all()
            self.set_theme("JupyterLab Light")
            self.page.set_viewport_size(VIEWPORT)
        else:
            self.page.close()

    def close_all(self):
        """Close every notebook of the page, saved or not."""
        self.page.evaluate(
            "() => { for (const each of [...jupyterapp.shell.widgets('main')]) each.dispose(); }"
        )

    def open(self):
        """Load the page, with this notebook alone."""
        # A new workspace: of one that it knows, JupyterLab opens the notebooks again, sooner or later.
        lab = f"lab/workspaces/{uuid.uuid4().hex}/tree"
        where = lab if self.server.application == "lab" else "notebooks"
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
        # JupyterLab covers the page while it loads a theme.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

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


@pytest.fixture(scope="session")
def context(browser):
    """A profile that all tests share, and in it the page with JupyterLab, which is loaded once."""
    context = browser.new_context(viewport=VIEWPORT)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@contextmanager
def opened(request, context, server, name, cells):
    """Write a notebook, open it with a kernel that is ready, and leave nothing of it behind."""
    failed = request.session.testsfailed
    server.write(name, cells)
    loaded = (page for page in context.pages if page.url.startswith(f"{server.url}/lab"))
    page = next(loaded, None) or context.new_page()
    try:
        notebook = Notebook(server, page, name)
        notebook.wait_for_kernel()
        yield notebook
        if not notebook.page.is_closed():
            notebook.close()
    finally:
        server.end_kernels()
        if request.session.testsfailed != failed:
            for page in context.pages:
                page.close()


@pytest.fixture
def open_page(request, context):
    """Open a notebook of the test's own."""
    name = f"{request.node.name.translate(str.maketrans('[] ', '---'))}.ipynb"
    with ExitStack() as stack:
        yield lambda server, *cells: stack.enter_context(opened(request, context, server, name, cells))


@pytest.fixture(scope="module")
def open_in_module(request, context):
    """Open a notebook that the tests of a module share."""
    name = f"{request.node.path.stem}.ipynb"
    with ExitStack() as stack:
        yield lambda server, *cells: stack.enter_context(opened(request, context, server, name, cells))
