"""``%pretrained`` lists, shows, writes code, builds into a variable, and refuses in one line."""

from __future__ import annotations

import numpy as np
import pytest
from IPython.core.error import UsageError
from IPython.core.formatters import DisplayFormatter

from nbkeras.magics import pretrained
from nbkeras.magics.config import NBKeras
from nbkeras.models.pretrained import cache
from nbkeras.models.pretrained.known import known_models
from nbkeras.runtime.refusal import Refusal
from nbkeras.widgets.picture.page import size


@pytest.fixture
def ask(monkeypatch, shell, tmp_path):
    shown = []
    monkeypatch.setattr(cache, "folder", lambda line: tmp_path)
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")

    def display(value, *, raw=False):
        shown.append(value if raw else DisplayFormatter().format(value)[0])

    monkeypatch.setattr(pretrained, "display", display)
    magics = pretrained.PretrainedMagics(shell, NBKeras())

    def answer(line):
        shown.clear()
        magics.pretrained(line)
        return shown[0] if shown else None

    answer.names = shell.user_ns
    return answer


def test_all_models_are_a_table_in_text_and_html(ask, tmp_path):
    (tmp_path / "mobilenet_1_0_224_tf_no_top.h5").touch()
    bundle = ask("")
    rows = {line.split()[0]: line.split() for line in bundle["text/plain"].splitlines()}
    assert rows["MobileNetV2"][1:7] == ["3.5", "M", "14", "MB", "71.3%", "90.1%"]
    assert rows["MobileNetV2"][-1] == "no"
    assert rows["MobileNet"][-1] == "base"
    assert bundle["text/html"].count("<tr ") == 1 + len(known_models("keras"))
    assert "https://keras.io/api/applications/" in bundle["text/html"]
    assert size(bundle) < 20_000


def test_one_model_is_shown_with_its_files(ask, tmp_path):
    text = ask("resnet50")["text/plain"]
    assert text.startswith("ResNet50 of keras.applications")
    assert "blue, green, red, about 0 (keras.applications.resnet.preprocess_input)" in text
    assert f"not here: {tmp_path / 'resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5'}" in text
    assert "https://storage.googleapis.com/tensorflow/keras-applications/resnet/resnet50_" in text


def test_a_model_is_built_into_a_variable(ask, capsys):
    ask("MobileNet --classes 2 --weights none --size 32 --build built")
    built = ask.names["built"]
    assert capsys.readouterr().out.startswith("built: MobileNet: images of 32 x 32 x 3")
    assert np.asarray(built.model(np.zeros((1, 32, 32, 3)))).shape == (1, 2)


def test_the_code_is_printed_and_nothing_is_built(ask, capsys):
    ask("MobileNetV2 --classes 3 --weights mine.h5 --size 96x128 --code")
    code = capsys.readouterr().out
    for part in (
        'weights="mine.h5"',
        "(96, 128, 3)",
        "1 / 127.5",
        "mobilenet_v2.preprocess_input",
        "Dense(3",
    ):
        assert part in code
    compile(code, "code", "exec")


def test_the_weights_that_would_be_built_with_are_brought(ask, capsys, monkeypatch):
    asked = []

    def download(url, path, *, checksum, progress):
        asked.append((url.rpartition("/")[2], path.name, checksum[:4]))
        progress(0, 1)
        path.touch()

    monkeypatch.setattr(cache, "download", download)
    ask("NASNetMobile --download")
    ask("NASNetMobile --download --classes 2")
    ask("MobileNetV2 --download --classes 2 --size 160")
    ask("MobileNetV2 --download --classes 2 --size 160")
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5"
    assert asked == [
        ("NASNet-mobile.h5", "nasnet_mobile.h5", "020f"),
        ("NASNet-mobile-no-top.h5", "nasnet_mobile_no_top.h5", "1ed9"),
        (name, name, ""),
    ]
    assert "MobileNetV2: here already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--download", "expected a model for --download, received none: type  %pretrained MobileNetV2"),
        ("MobileNetV2 --classes 3", "--classes goes with --build, --download or --code: add  --build built"),
        ("MobileNetV2 --code --download", "expected one of --download, --code"),
        ("MobileNetV2 --classes three --code", "--classes: expected a whole number, received 'three'"),
        ("MobileNetV2 --size big --code", "--size: expected pixels"),
        ("MobileNetV2 --build 2x", "--build: expected a variable's name, received '2x'"),
        ("MobilNetV2", "received 'MobilNetV2': type  MobileNetV2"),
        ("MobileNetV2 --donwload", "type --download"),
        ("VGG16 --classes 2 --weights none.h5 --build built", "expected a file that exists"),
    ],
)
def test_mistakes_are_told_in_one_line(ask, line, message):
    with pytest.raises(UsageError) as error:
        ask(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "built" not in ask.names


def test_without_a_network_the_line_says_where_the_file_goes(ask, monkeypatch, tmp_path):
    def download(url, path, **_):
        raise Refusal(f"expected an answer for {url}: put it to  {path}")

    monkeypatch.setattr(cache, "download", download)
    with pytest.raises(UsageError, match="%pretrained: expected an answer for https://storage"):
        ask("MobileNetV2 --download")
