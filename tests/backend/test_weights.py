import h5py
import numpy as np
import pytest

import explorer
from explorer.backend import weights
from explorer.catalog import BUNDLED, architectures, spec
from explorer.errors import ExplorerError, WeightsUnavailable

DOWNLOADED = [name for name, row in architectures.items() if not row.bundled]
MOBILENET_V2 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"


class AskedForError(Exception):
    """What the stand-in for Keras's download raises, with the name of the file."""


def files_to_ask_for():
    for name in DOWNLOADED:
        row = architectures[name]
        alphas = row.alphas if len(row.alphas) < 5 else (row.alphas[0], min(row.alphas), max(row.alphas))
        for alpha in alphas:
            yield from (spec(name, include_top=include_top, alpha=alpha) for include_top in (True, False))


@pytest.mark.parametrize("wanted", list(files_to_ask_for()), ids=lambda one: f"{one.architecture}-{one.alpha}-{one.include_top}")
def test_the_file_named_is_the_one_that_keras_loads(wanted, no_network, monkeypatch):
    from explorer.backend.runtime import keras

    def get_file(fname, origin, cache_subdir, **_options):
        raise AskedForError(f"{cache_subdir}/{fname}")

    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", get_file)
    with pytest.raises(WeightsUnavailable) as refused:
        explorer.load(wanted.architecture, include_top=wanted.include_top, alpha=wanted.alpha)
    assert isinstance(refused.value.__cause__, AskedForError)
    assert str(refused.value.__cause__) == str(weights.path(wanted).relative_to(no_network))


def test_weights_that_can_not_be_had_are_named_with_size_folder_and_a_way_out(no_network, capfd):
    with pytest.raises(WeightsUnavailable) as refused:
        explorer.load("VGG16")
    sentence = str(refused.value)
    for part in ("VGG16", "vgg16_weights_tf_dim_ordering_tf_kernels.h5", "528 MB", str(no_network / "models"), "weights=None"):
        assert part in sentence
    assert "\n" not in sentence
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("name", DOWNLOADED)
@pytest.mark.parametrize("include_top", [True, False])
def test_the_refusal_names_the_file_that_these_options_need(name, include_top, no_network):
    row = architectures[name]
    file = row.file(include_top)
    sentence = str(weights.refusal(spec(name, include_top=include_top), False, OSError("no route\nto host")))
    assert file.name in sentence
    assert f"{round(file.size / 2**20)} MB" in sentence
    assert "(no route)" in sentence


def test_a_size_that_is_not_known_is_said_to_be_so(no_network):
    assert "size unknown" in str(weights.refusal(spec("MobileNet", alpha=0.5), False, OSError()))


def garbage(path):
    path.write_bytes(np.random.default_rng(0).bytes(3000))


def nothing(path):
    path.write_bytes(b"")


def of_another_network(path):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"dense"])
        group = file.create_group("dense")
        group.attrs["weight_names"] = np.array([b"kernel"])
        group.create_dataset("kernel", data=np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("damage", [garbage, nothing, of_another_network])
def test_a_damaged_weights_file_is_named_with_what_to_do(damage, no_network):
    path = no_network / "models" / MOBILENET_V2
    path.parent.mkdir()
    damage(path)
    with pytest.raises(ExplorerError) as refused:
        explorer.load("MobileNetV2")
    sentence = str(refused.value)
    assert not isinstance(refused.value, WeightsUnavailable)
    assert f"{path} does not hold the weights of MobileNetV2" in sentence
    assert "Delete it" in sentence
    assert "\n" not in sentence


def test_a_real_weights_file_that_is_cut_off_is_named(test_data, no_network):
    path = no_network / "models" / MOBILENET_V2
    path.parent.mkdir()
    whole = (test_data / "keras_home" / "models" / MOBILENET_V2).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExplorerError, match="does not hold the weights of MobileNetV2") as refused:
        explorer.load("MobileNetV2")
    assert str(path) in str(refused.value)


def test_class_names_that_can_not_be_had_are_not_blamed_on_the_weights(test_data, no_network):
    name = architectures["MobileNet"].file(alpha=0.25).name
    (no_network / "models").mkdir()
    (no_network / "models" / name).symlink_to(test_data / "keras_home" / "models" / name)
    with pytest.raises(WeightsUnavailable, match=r"imagenet_class_index\.json") as refused:
        explorer.load("MobileNet", alpha=0.25)
    assert "does not hold the weights" not in str(refused.value)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_weights_belong_into_the_models_of_keras_home(name, no_network):
    assert weights.path(spec(name)) == no_network / "models" / architectures[name].files[0].name


def test_the_bundled_weights_lie_in_the_package():
    assert weights.path(spec("digits")) == BUNDLED / "digits.keras"
    assert weights.path(spec("digits", include_top=False)) == BUNDLED / "digits.keras"


def test_without_keras_home_it_is_the_one_in_the_users_home(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.keras_home() == tmp_path / ".keras"


def test_keras_and_explorer_agree_on_where_keras_home_is(no_network):
    from explorer.backend.runtime import keras

    assert str(weights.keras_home()) == keras.src.backend.config.keras_home() == str(no_network)


def test_only_the_bundled_network_is_at_hand_where_nothing_was_downloaded(no_network):
    assert weights.at_hand() == {"digits"}


def test_what_lies_in_keras_home_is_at_hand(keras_home):
    assert weights.at_hand() == {"digits", "MobileNetV2"}


def test_of_a_failed_download_only_the_reason_is_told():
    keras_says = "URL fetch failure on https://example.org/vgg16.h5: None -- [Errno -2] Name or service not known"
    assert weights.in_short(Exception(keras_says)) == "Name or service not known"
    assert weights.in_short(ValueError("first line.\nsecond line")) == "first line"
    assert weights.in_short(OSError()) == "OSError"
