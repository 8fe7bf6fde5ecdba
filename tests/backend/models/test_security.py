"""What hostile files may try; none of it may run, be read or be unpacked."""

import io
import json
import zipfile

import h5py
import keras_settings
import numpy as np
import pytest
import small_models as small

from explorer.backend.models import archives, config_text, security
from explorer.backend.models.files import load_model, save_model
from explorer.backend.models.security import check_config
from explorer.backend.models.topology import from_json, from_yaml
from explorer.backend.models.weights import load_weights
from explorer.backend.runtime.keras import keras
from explorer.errors import UnreadableModel

layers = keras.layers


@pytest.fixture
def safe_mode():
    """Keras's switch of its safe mode, put back afterwards."""
    yield keras_settings.safe_mode
    keras_settings.unset_safe_mode()


@pytest.fixture
def marker(tmp_path):
    """A file that only the code of a hostile file would make."""
    marker = tmp_path / "run"
    yield marker
    assert not marker.exists()


@pytest.fixture
def booby_trapped(marker):
    """A model whose Lambda makes the marker when it runs."""
    trap = eval(f"lambda x: (__import__('pathlib').Path({str(marker)!r}).touch(), x)[1]")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.Lambda(trap, name="trap")])
    marker.unlink()
    return model


@pytest.fixture
def edited(tmp_path):
    """Return a function that writes a .keras whose config was changed by hand."""

    def write(change, model=None):
        save_model(model or small.sequential(), tmp_path / "good.keras")
        with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
            for member in good.namelist():
                content = good.read(member)
                if member == "config.json":
                    config = json.loads(content)
                    change(config)
                    content = json.dumps(config)
                bad.writestr(member, content)
        return tmp_path / "bad.keras"

    return write


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def instead_of_the_activation(entry):
    def change(config):
        config["config"]["layers"][1]["config"]["activation"] = entry

    return change


def as_last_layer(entry):
    def change(config):
        config["config"]["layers"].append(entry)

    return change


# Code


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_lambda_in_a_file_is_not_run(name, booby_trapped, marker, tmp_path):
    save_model(booby_trapped, tmp_path / name)
    with pytest.raises(UnreadableModel, match=rf"{name} holds Python code, the Lambda layer 'trap'.*safe_mode=False.*register"):
        load_model(tmp_path / name)


def test_a_lambda_is_refused_where_keras_has_been_told_to_run_any(booby_trapped, marker, tmp_path, safe_mode):
    save_model(booby_trapped, tmp_path / "model.keras")
    keras.config.enable_unsafe_deserialization()
    with pytest.raises(UnreadableModel, match="Python code"):
        load_model(tmp_path / "model.keras")


def test_a_lambda_in_a_text_is_not_run(booby_trapped, marker):
    text = booby_trapped.to_json()
    for read in (from_json, from_yaml):
        with pytest.raises(UnreadableModel, match="Python code"):
            read(text)


def test_a_lambda_of_keras_2_is_not_run(booby_trapped, marker, tmp_path):
    config = small.json_of_keras_2(booby_trapped)
    code = config["config"]["layers"][2]["config"]
    code |= {"function": list(code["function"]["config"].values()), "function_type": "lambda", "module": "__main__"}
    with pytest.raises(UnreadableModel, match="Python code"):
        from_json(json.dumps(config))
    with pytest.raises(UnreadableModel, match="Python code"):
        load_model(small.save_as_keras_2(booby_trapped, tmp_path / "old.h5", config))


def test_a_lambda_is_found_wherever_it_hides(booby_trapped, marker):
    inner = json.loads(booby_trapped.to_json())
    outer = json.loads(small.sequential().to_json())
    outer["config"]["layers"].append({**inner, "module": "keras", "class_name": "Sequential"})
    with pytest.raises(UnreadableModel, match="'trap'"):
        from_json(json.dumps(outer))


def test_a_lambda_of_a_function_that_is_passed_is_no_code_of_the_file(tmp_path):
    def twice(x):
        return 2 * x

    model = keras.Sequential([keras.Input((4,)), layers.Lambda(twice, output_shape=(4,), name="twice")])
    save_model(model, tmp_path / "model.keras")
    with pytest.raises(UnreadableModel, match=r"needs .*twice"):
        load_model(tmp_path / "model.keras")
    small.assert_same_answers(model, load_model(tmp_path / "model.keras", {"twice": twice}))


def test_a_lambda_of_keras_own_functions_is_fine(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Lambda(keras.activations.softplus, output_shape=(4,))])
    save_model(model, tmp_path / "model.keras")
    small.assert_same_answers(model, load_model(tmp_path / "model.keras"))


def test_a_lambda_of_an_operation_needs_it_passed_as_keras_itself_does_not_find_it(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Lambda(keras.ops.abs, output_shape=(4,))])
    save_model(model, tmp_path / "model.keras")
    with pytest.raises(UnreadableModel, match=r"needs abs, .*custom_objects=\{'abs': abs\}"):
        load_model(tmp_path / "model.keras")
    small.assert_same_answers(model, load_model(tmp_path / "model.keras", {"abs": keras.ops.abs}))


def test_a_loss_made_of_code_is_left_out(marker, tmp_path):
    model = small.moved(small.sequential())
    model.compile("adam", "mse")
    save_model(model, tmp_path / "good.keras")
    code = json.loads(keras.Sequential([keras.Input((1,)), layers.Lambda(eval("lambda x: x"), output_shape=(1,))]).to_json())["config"][
        "layers"
    ][1]["config"]["function"]
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
        for member in good.namelist():
            content = json.loads(good.read(member)) if member == "config.json" else None
            if content:
                content["compile_config"]["loss"] = code
            bad.writestr(member, json.dumps(content) if content else good.read(member))
    loaded = load_model(tmp_path / "bad.keras")
    assert not loaded.compiled
    small.assert_same_answers(model, loaded)


# Functions and classes that are no part of a model


@pytest.mark.parametrize(
    "entry",
    [
        function("os", "system"),
        function("builtins", "eval"),
        function("subprocess", "Popen"),
        function("keras.utils", "get_file"),
        function("keras.utils", "plot_model"),
        function("keras.models", "load_model"),
        function("keras.config", "enable_unsafe_deserialization"),
        function("keras.datasets.mnist", "load_data"),
        function("keras.src.utils.file_utils", "get_file"),
        function("keras.src.saving.serialization_lib", "enable_unsafe_deserialization"),
        function("keras.src.utils.python_utils", "func_load"),
        function("keras.activations", "deserialize"),
        function("keras_hub", "load"),
        {"module": "keras.utils", "class_name": "get_file", "config": {}},
        {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}},
        {"module": "os", "class_name": "system", "config": {}},
        {"module": "keras.saving", "class_name": "KerasFileEditor", "config": {"filepath": "/etc/passwd"}},
        {"class_name": "function", "config": {"module": "os"}},
        {"class_name": ["function"], "config": "x"},
        {"class_name": "__typespec__", "spec_name": "system", "module": "os", "config": [], "registered_name": None},
    ],
    ids=lambda entry: f"{entry.get('module')}.{entry['config'] if entry['class_name'] == 'function' else entry['class_name']}",
)
def test_functions_that_do_more_than_arithmetic_are_not_even_looked_up(entry, edited, monkeypatch, safe_mode):
    path = edited(instead_of_the_activation(entry))
    monkeypatch.setattr(keras.saving, "load_model", pytest.fail)
    with pytest.raises(UnreadableModel, match=r"asks for|needs|makes no sense"):
        load_model(path)
    assert safe_mode() is None


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("TFSMLayer", {"name": "l", "filepath": "/tmp/model", "call_endpoint": "serve"}),
        ("TorchModuleWrapper", {"name": "l", "module": "gASVAAA="}),
        ("JaxLayer", {"name": "l"}),
    ],
)
def test_layers_that_bring_code_of_other_libraries_are_refused(kind, config, edited):
    layer = {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
    with pytest.raises(UnreadableModel, match=f"network of another library, the {kind} 'l'"):
        load_model(edited(as_last_layer(layer)))


def test_a_vocabulary_outside_the_file_is_not_read(edited, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("password")
    layer = {"module": "keras.layers", "class_name": "StringLookup", "config": {"name": "words", "vocabulary": str(secret)}}
    with pytest.raises(UnreadableModel, match="vocabulary file"):
        load_model(edited(as_last_layer({**layer, "registered_name": None})))


def test_a_custom_object_is_used_for_its_own_name_only(edited):
    path = edited(instead_of_the_activation(function("os", "system")))
    with pytest.raises(UnreadableModel, match=r"os\.system"):
        load_model(path, {"Doubling": small.Doubling})


@pytest.mark.parametrize(
    "model", [small.sequential, small.functional, small.timed, small.pictures, small.registered], ids=lambda kind: kind.__name__
)
def test_what_models_are_made_of_passes(model):
    model = model()
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 10)), "mse", metrics=["mae"])
    check_config(json.loads(model.to_json()), None, "model")


def test_an_image_network_of_keras_passes():
    check_config(json.loads(keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3)).to_json()), None, "model")


# Files that unpack to more than they are, or lead out of themselves


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(archives, "SMALL", 2**20)
    monkeypatch.setattr(config_text, "LARGEST", 2**19)


def with_member(path, name, content):
    save_model(small.sequential(), path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)


def test_an_archive_that_unpacks_to_far_more_is_refused(small_limits, tmp_path):
    with_member(tmp_path / "bomb.keras", "assets/zeros", bytes(2**24))
    for read in (load_model, lambda path: load_weights(small.sequential(), path)):
        with pytest.raises(UnreadableModel, match=r"bomb.keras has \d+ kB and claims to hold 16 MB"):
            read(tmp_path / "bomb.keras")


def test_a_text_beyond_measure_is_refused(small_limits, tmp_path):
    (tmp_path / "model.json").write_bytes(b" " * (2**19 + 1))
    with pytest.raises(UnreadableModel, match="more than any topology"):
        load_model(tmp_path / "model.json")


def test_a_description_beyond_measure_is_refused(small_limits, tmp_path):
    with_member(tmp_path / "bomb.keras", "metadata2.json", bytes(2**19 + 1))
    with pytest.raises(UnreadableModel, match=r"description of 0\.5 MB"):
        load_model(tmp_path / "bomb.keras")


@pytest.mark.parametrize("member", ["../evil.txt", "/tmp/evil.txt", "assets/../../evil.txt", "..\\evil.txt", "C:\\evil.txt"])
def test_an_archive_that_would_write_outside_is_refused(member, tmp_path):
    with_member(tmp_path / "model.keras", member, b"evil")
    with pytest.raises(UnreadableModel, match="outside its folder"):
        load_model(tmp_path / "model.keras")
    assert not (tmp_path.parent / "evil.txt").exists()


def soft_link(file, tmp_path):
    file["model_weights/link"] = h5py.SoftLink("/model_weights/first")


def external_link(file, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = [1.0]
    file["model_weights/link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/secret")


def external_data(file, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(64))
    file.create_dataset("model_weights/secret", (8,), "f8", external=[(str(tmp_path / "secret"), 0, 64)])


def virtual_data(file, tmp_path):
    layout = h5py.VirtualLayout((8,), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "secret", (8,))
    file.create_virtual_dataset("model_weights/secret", layout)


@pytest.mark.parametrize("lead_out", [soft_link, external_link, external_data, virtual_data])
def test_an_hdf5_file_that_leads_out_of_itself_is_refused(lead_out, tmp_path):
    path = tmp_path / "model.h5"
    save_model(small.sequential(), path)
    with h5py.File(path, "r+") as file:
        lead_out(file, tmp_path)
    for read in (load_model, lambda path: load_weights(small.sequential(), path, by_name=True)):
        with pytest.raises(UnreadableModel, match="leads to data outside itself"):
            read(path)


def test_weights_within_an_archive_may_not_lead_out_of_it(tmp_path):
    save_model(small.sequential(), tmp_path / "good.keras")
    (tmp_path / "secret").write_bytes(bytes(16))
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
        for member in good.namelist():
            content = good.read(member)
            if member == "model.weights.h5":
                (tmp_path / "weights.h5").write_bytes(content)
                with h5py.File(tmp_path / "weights.h5", "r+") as file:
                    del file["layers/dense/vars/1"]
                    file.create_dataset("layers/dense/vars/1", (3,), "f4", external=[(str(tmp_path / "secret"), 0, 12)])
                content = (tmp_path / "weights.h5").read_bytes()
            bad.writestr(member, content)
    for read in (load_model, lambda path: load_weights(small.sequential(), path)):
        with pytest.raises(UnreadableModel, match="leads to data outside itself"):
            read(tmp_path / "bad.keras")


def test_an_hdf5_file_that_claims_far_more_is_refused(tmp_path):
    path = tmp_path / "model.h5"
    save_model(small.sequential(), path)
    with h5py.File(path, "r+") as file:
        file.create_dataset("model_weights/zeros", (2**40,), "f4", chunks=(2**20,), compression="gzip")
    with pytest.raises(UnreadableModel, match="claims to hold"):
        load_model(path)


def test_a_group_may_lie_in_itself(tmp_path):
    with h5py.File(tmp_path / "ring.h5", "w") as file:
        file.create_group("layers")["again"] = file["/"]
    with pytest.raises(UnreadableModel, match="weights only"):
        load_model(tmp_path / "ring.h5")


def heap_of_zeros(file):
    """Leave the last part of the first heap of texts in an HDF5 file as a disk does that lost it."""
    start = file.index(b"GCOL")
    return file[: start + 40] + bytes(200) + file[start + 240 :]


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_heap_of_zeros_that_libhdf5_does_not_come_back_from_is_found_before(ending, tmp_path):
    path = tmp_path / f"model{ending}"
    save_model(small.sequential(), path)
    if ending == ".keras":
        with zipfile.ZipFile(path) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, heap_of_zeros(content) if member.endswith(".h5") else content)
    else:
        path.write_bytes(heap_of_zeros(path.read_bytes()))
    for read in (load_model, lambda path: load_weights(small.sequential(), path)):
        with pytest.raises(UnreadableModel, match=rf"model{ending} is damaged or incomplete: save it again"):
            read(path)


def test_weights_as_arrays_that_unpack_to_far_more_are_refused(small_limits, tmp_path):
    save_model(small.sequential(), tmp_path / "model.keras")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as arrays:
        arrays.writestr("layers.npy", bytes(2**24))
    with zipfile.ZipFile(tmp_path / "model.keras", "a") as archive:
        archive.writestr("model.weights.npz", bomb.getvalue())
    with pytest.raises(UnreadableModel, match="claims to hold 16 MB"):
        load_model(tmp_path / "model.keras")


def test_an_archive_that_is_encrypted_is_called_that(tmp_path):
    save_model(small.sequential(), tmp_path / "model.keras")
    content = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(content.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\x01\0"))
    with pytest.raises(UnreadableModel, match=r"model\.keras is encrypted, or packed in a way that is not known here"):
        load_model(tmp_path / "model.keras")


def test_numbers_packed_by_a_filter_that_is_not_here_are_no_damage(tmp_path, monkeypatch):
    save_model(small.sequential(), tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.create_dataset("model_weights/more", (8,), "f4", chunks=(8,), compression="gzip")
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda _code: False)
    with pytest.raises(UnreadableModel, match=r"packed with a filter of HDF5 that is not here, number 1: save it again"):
        load_model(tmp_path / "model.h5")


# Texts


@pytest.mark.parametrize("read", [from_json, from_yaml])
def test_a_text_of_more_than_any_network_needs_is_refused(read, monkeypatch):
    monkeypatch.setattr(config_text, "MOST_NODES", 50)
    with pytest.raises(UnreadableModel, match=r"describes more than any network needs \(50 entries at most\)"):
        read(small.sequential().to_json())


def test_a_yaml_beyond_measure_is_refused_unread(monkeypatch):
    monkeypatch.setattr(config_text, "LARGEST_YAML", 2**10)
    with pytest.raises(UnreadableModel, match=r"has 0\.0 MB, and a YAML topology may have 0\.0 MB: save it as JSON"):
        from_yaml(" " * 2**11)


def test_more_layers_than_keras_builds_in_a_while_are_refused(monkeypatch):
    monkeypatch.setattr(security, "MOST_LAYERS", 2)
    with pytest.raises(UnreadableModel, match="has more than 2 layers"):
        from_json(small.sequential().to_json())


@pytest.mark.parametrize(
    "text", ["? {a: b}\n: c", "a: 2020-01-01", "a: !!set {b}", "a: !!int b", "a: 2020-99-99", "a: !!binary x", "[a, {<<: 3}]"]
)
def test_what_no_topology_holds_is_called_that(text):
    with pytest.raises(UnreadableModel, match=r"holds what no topology does|is not the topology"):
        from_yaml(text)


def test_a_text_in_another_encoding_is_called_that():
    with pytest.raises(UnreadableModel, match="is not valid JSON: it is not in UTF-8"):
        from_json(b'{"class_name": "\xe4"}')


# YAML


def test_tags_of_python_are_not_followed(marker):
    with pytest.raises(UnreadableModel, match="asks for Python objects"):
        from_yaml(f"class_name: !!python/object/apply:os.system ['touch {marker}']")


def test_repetitions_without_end_are_refused():
    laughs = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(UnreadableModel, match="repeats itself"):
        from_yaml("\n".join(laughs))
    with pytest.raises(UnreadableModel, match="repeats itself"):
        from_yaml("class_name: Sequential\nconfig: &config [*config]")


def test_tuples_and_repetitions_of_keras_2_are_read():
    text = """
class_name: Sequential
keras_version: 2.0.8
backend: tensorflow
config:
- class_name: Dense
  config: &dense
    name: first
    units: 3
    batch_input_shape: !!python/tuple [null, 4]
- class_name: Reshape
  config: {name: second, target_shape: !!python/tuple [3, 1]}
"""
    assert from_yaml(text).output_shape == (None, 3, 1)
    np.testing.assert_equal(from_yaml(text).input_shape, (None, 4))
