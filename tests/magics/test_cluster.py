"""What ``%cluster`` and ``%%cluster`` refuse, in one line and before any process is started."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from nbkeras import Refusal
from nbkeras.cluster import current as clusters
from nbkeras.cluster.cluster import Cluster
from nbkeras.devices.current import set_current
from nbkeras.devices.strategies import checked_kind, checked_kind_of_cell
from nbkeras.magics.cluster import ClusterMagics
from nbkeras.magics.cluster_grammar import CLUSTER, CLUSTER_CELL
from nbkeras.magics.config import NBKeras
from nbkeras.magics.fit import FitMagics
from nbkeras.magics.strategy import StrategyMagics

CELL = """
import keras, numpy as np
x = np.ones((32, 3), "float32")
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, x[:, :1])
"""


@pytest.fixture
def magics(tmp_path, monkeypatch, shell):
    monkeypatch.chdir(tmp_path)
    config = NBKeras()
    config.log = ""
    made = ClusterMagics(shell, config)
    monkeypatch.setitem(shell.magics_manager.registry, "ClusterMagics", made)
    return made


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "begin",
            "expected start, status, stop, restart, push, get or logs, received 'begin': type  ",
        ),
        ("start --workers 0", "--workers: expected a whole number of 1 or more, received '0'"),
        ("start --workers two", "--workers: expected a whole number of 1 or more, received 'two'"),
        ("start --ps 0", "--ps: expected a whole number of 1 or more, received '0'"),
        ("start --max-memory much", "--max-memory: expected memory such as 800MB or 4GB"),
        ("stop --max-memory 4GB", "--max-memory: expected start before it, received stop"),
        ("start --workers 9 --max-memory 1GB", "because each process takes about 800 MB and 1.0 GB is what"),
        (
            "start --ps 1 --hosts a",
            "--ps: expected parameter servers on this machine, received --hosts: leave",
        ),
        ("start --ps 1 --profile a", "expected parameter servers on this machine, received --profile: leave"),
        ("restart --ps 1", "--ps: expected start before it, received restart"),
        ("start --deadline soon", "--deadline: expected a time such as"),
        ("start --worker 2", "received '--worker': type --workers"),
        ("start 3", "expected no names behind start, received '3'"),
        ("status --profile gpus", "--profile: expected start before it, received status"),
        ("start --hosts nowhere.txt", "--hosts: expected a file with lines such as  host [slots=N]"),
        ("start --hosts a --profile b", "--profile: expected --hosts or --profile, received both"),
        ("stop --workers 3", "--workers: expected start before it, received stop"),
        ("push", "expected names of variables, received none: type  %cluster push x y"),
        ("get model", "expected a cluster, received none: type  %cluster start --workers 2"),
        ("logs 1", "expected a cluster, received none: type  %cluster start --workers 2"),
    ],
)
def test_lines_that_cannot_be_meant(magics, line, words):
    with pytest.raises(UsageError) as caught:
        magics.cluster(line)
    assert str(caught.value).startswith("%cluster: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_refusal_keeps_the_cluster_that_was_there(magics, monkeypatch):
    """One whose workers have ended still has what they had been given."""
    before = Cluster(2)
    monkeypatch.setattr(clusters, "_current", before)
    for line in ("--hosts nowhere.txt", "--profile nowhere", "--workers 9 --max-memory 1GB"):
        with pytest.raises(UsageError):
            magics.cluster(f"start {line}")
        assert clusters.current() is before


def test_a_terminal_may_have_no_kernels(magics, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        UsageError, match="received a Python without it: type  %pip install ipykernel"
    ) as caught:
        magics.cluster("start")
    assert str(caught.value).startswith("%cluster: workers: expected ipykernel")


def test_what_a_start_has_to_say_is_told(magics, monkeypatch, capsys):
    monkeypatch.setattr(clusters, "_current", None)
    monkeypatch.setattr(Cluster, "start", lambda self, _: self.news.append("1 GPU for 2 workers: they train"))
    for line in ("start", "restart"):
        magics.cluster(line)
        assert capsys.readouterr().out == "nbkeras: 1 GPU for 2 workers: they train\n"
        assert clusters.current().news == []
    clusters.set_current(None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "expected a cluster, received none: type  %cluster start --workers 2"),
        ("--epochs 0", "--epochs: expected a whole number of 1 or more, received '0'"),
        ("--early-stopping soon", "--early-stopping: expected [METRIC:]PATIENCE"),
        ("--epoch 3", "received '--epoch': type --epochs"),
        ("--retries 1", "--retries: expected a directory from whose backups the cell goes on"),
        ("--retries -1 --backup b", "--retries: expected a whole number of 0 or more, received '-1'"),
        ("--backup b --every 30s", "--every: expected epoch or a number of steps"),
        ("--mixed-precision auto", "--mixed-precision: expected on, off or a format, because each worker"),
        ("--restart", "--restart: expected a directory for the backups, received none"),
        ("--code --max-time 10m", "--code: expected no --max-time beside it"),
        ("--code --backup b --restart", "--code: expected no --restart beside it"),
    ],
)
def test_cells_that_cannot_be_meant(magics, line, words):
    with pytest.raises(UsageError) as caught:
        magics.cluster(line, CELL)
    assert str(caught.value).startswith("%%cluster: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_code_of_a_cell_that_is_no_python(magics):
    with pytest.raises(UsageError, match=r"%%cluster: --code: expected plain Python, received .* in line"):
        magics.cluster("--code", "%time model.fit(x)")


def test_fit_hands_its_cell_on(magics, capsys):
    fit = FitMagics(magics.shell, magics.defaults)
    with pytest.raises(UsageError, match=r"%%fit: expected a cluster, received none: type  %cluster start"):
        fit.fit("--strategy cluster --epochs 3", CELL)
    fit.fit("--strategy cluster --epochs 3 --code", CELL)
    said = capsys.readouterr().out
    magics.cluster("--epochs 3 --code", CELL)
    assert capsys.readouterr().out == said
    assert "WORKERS = 2" in said
    fit.fit("--strategy cluster --mixed-precision bfloat16 --code", CELL)
    assert 'keras.mixed_precision.set_global_policy("mixed_bfloat16")' in capsys.readouterr().out
    with pytest.raises(UsageError, match="strategy: expected one, mirrored, tpu, none or cluster, rec"):
        fit.fit("--strategy two", CELL)


def test_fit_takes_what_cells_on_the_cluster_take(magics, capsys):
    fit = FitMagics(magics.shell, magics.defaults)
    fit.fit("--strategy cluster --epochs 2 --backup b --retries 3 --code", CELL)
    assert "RETRIES = 3\n" in capsys.readouterr().out
    fit.fit("--strategy cluster --slurm", CELL)
    assert capsys.readouterr().out.startswith("#!/bin/bash\n#SBATCH --job-name=training\n")
    with pytest.raises(UsageError, match=r"%%fit: .* received '--retries'"):
        fit.fit("--backup b --retries 3", CELL)
    with pytest.raises(UsageError, match=r"%%fit: --retries: expected a cell that goes to the cluster, rec"):
        fit.fit("--strategy one --name cluster --retries 3", CELL)


def test_names_with_commas(magics, monkeypatch):
    monkeypatch.setattr(clusters, "_current", Cluster(2))
    monkeypatch.setattr(Cluster, "runs", True)
    sent = []
    monkeypatch.setattr(
        "nbkeras.training.on_cluster.exchanging.push", lambda _, variables: sent.append(variables)
    )
    magics.shell.user_ns |= {"x": 1, "y": 2}
    magics.cluster("push x, y")
    assert sent == [{"x": 1, "y": 2}]


def test_cluster_is_for_cells_alone(magics):
    assert checked_kind_of_cell("cluster") == "cluster"
    words = "expected one, mirrored, tpu or none, received 'cluster', whose workers take whole cells"
    with pytest.raises(Refusal, match=words):
        checked_kind("cluster")


@pytest.fixture
def strategy(magics):
    yield StrategyMagics(magics.shell, magics.defaults).strategy
    set_current(None)


def test_strategy_sends_whole_cells_to_the_cluster(magics, strategy, monkeypatch, capsys):
    with pytest.raises(UsageError, match="%strategy: expected a cluster, received none: type  %cluster sta"):
        strategy("cluster")
    monkeypatch.setattr(clusters, "_current", Cluster(2))
    with pytest.raises(UsageError, match="--devices: expected one or mirrored beside it, received cluster"):
        strategy("cluster --devices CPU:0")
    with pytest.raises(UsageError, match="put  %%fit --strategy cluster --code  above it"):
        strategy("cluster --code")
    strategy("status")
    assert capsys.readouterr().out.startswith("no strategy")
    strategy("cluster")
    strategy("")
    said = capsys.readouterr().out.splitlines()
    assert (
        said
        == ["cluster: whole cells under %%fit run on its workers; all other cells run here, with no strategy"]
        * 2
    )
    ran = []
    monkeypatch.setattr(
        magics, "run_cell", lambda magic, values, cell: ran.append((magic, values["epochs"], cell))
    )
    fit = FitMagics(magics.shell, magics.defaults).fit
    fit("--epochs 3", CELL)
    assert ran == [("%%fit", 3, CELL)]
    # A cell's own choice goes before it.
    fit("--strategy none --code", CELL)
    strategy("none")
    fit("--code", CELL)
    assert len(ran) == 1
    assert "no strategy" in capsys.readouterr().out


def test_status_and_stop_without_a_cluster(magics, capsys):
    for line in ("", "status", "stop", "restart"):
        magics.cluster(line)
        assert capsys.readouterr().out == "no cluster: type  %cluster start --workers 2\n"


def test_help_has_both():
    text = ClusterMagics.cluster.__doc__
    assert CLUSTER.help() in text
    assert CLUSTER_CELL.help() in text
    assert "--retries N" in text
