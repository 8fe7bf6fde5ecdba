import pytest
import tiny_weights
from file_server import FileServer, without_waiting

from explorer.backend import loading
from explorer.backend.weights import cache
from explorer.catalog import BUNDLED, architectures
from explorer.catalog.options import model_file, spec
from explorer.errors import Cancelled, ExplorerError, WeightsUnavailable
from explorer.values import AdoptedModel

INDEX = "imagenet_class_index.json"


@pytest.fixture
def shop(monkeypatch, tmp_path):
    with tiny_weights.shop(monkeypatch, tmp_path / "keras_home") as shop:
        yield shop


@pytest.fixture
def home(monkeypatch, tmp_path):
    """Return an empty Keras home, with nothing to download from."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("EXPLORER_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("EXPLORER_WEIGHTS", "")
    return tmp_path


def silent(_progress):
    pass


class AskedForError(Exception):
    """What the stand-in for Keras's download raises, with the address and the name of the file."""


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MobileNetV2", {"alpha": 0.35, "input_shape": (96, 96, 3)}),
        ("MobileNetV2", {"alpha": 1.4, "input_shape": (96, 128, 3), "include_top": False}),
        ("MobileNet", {"alpha": 0.25, "input_shape": (128, 128, 3)}),
        ("MobileNet", {"alpha": 0.25, "input_shape": (96, 96, 3), "include_top": False}),
        ("MobileNet", {"alpha": 0.25, "input_shape": (None, None, 3), "include_top": False}),
    ],
)
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")  # Keras says so of sizes that have no weights of their own
def test_the_file_is_the_one_that_keras_picks_for_the_options(name, options, monkeypatch):
    import keras_settings

    from explorer.backend.runtime.keras import keras

    def get_file(fname, origin, **_options):
        raise AskedForError(origin, fname)

    keras_settings.replace_downloads(monkeypatch, get_file)
    with pytest.raises(AskedForError) as asked:
        getattr(keras.applications, name)(weights="imagenet", **options)
    file = cache.wanted(spec(name, **options))
    assert asked.value.args == (file.url, file.name)


def test_weights_belong_into_the_models_of_keras_home(home):
    files = {name: row.files[0].name for name, row in architectures.items() if not row.bundled}
    assert {name: cache.path(spec(name)) for name in files} == {name: home / "models" / file for name, file in files.items()}


@pytest.mark.parametrize("name", ["digits", "timbres"])
def test_the_bundled_weights_lie_in_the_package(home, name):
    assert cache.path(spec(name)) == BUNDLED / f"{name}.keras"
    assert cache.fetch(spec(name, include_top=False), silent) == BUNDLED / f"{name}.keras"


def test_weights_of_the_users_own_are_where_the_user_says(tmp_path):
    own = tmp_path / "own.weights.h5"
    own.write_bytes(b"")
    assert cache.path(spec("VGG16", weights=own)) == own.resolve()


def test_without_keras_home_it_is_the_one_in_the_users_home(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.keras_home() == tmp_path / ".keras"


def test_keras_and_explorer_agree_on_where_keras_home_is(no_network):
    import keras_settings

    assert str(cache.keras_home()) == keras_settings.home() == str(no_network)


def test_what_lies_in_keras_home_or_in_the_pack_is_at_hand(shop, monkeypatch, tmp_path):
    assert cache.at_hand() == {"digits"}
    shop.put("vgg16.h5")
    shop.put("resnet50_notop.h5")
    assert cache.at_hand() == {"digits", "VGG16"}
    shop.put("resnet50.h5", folder=tmp_path / "pack")
    shop.put("mobilenet_1_224.h5", folder=tmp_path / "pack" / "models")
    monkeypatch.setenv("EXPLORER_WEIGHTS", str(tmp_path / "pack"))
    assert cache.at_hand() == {"digits", "VGG16", "ResNet50", "MobileNet"}


def test_a_network_is_here_when_all_that_it_needs_is_and_is_whole(shop, tmp_path):
    assert cache.here(spec("digits"))
    assert cache.here(spec("VGG16", weights=None))
    own = tmp_path / "own.weights.h5"
    own.write_bytes(b"")
    assert cache.here(spec("VGG16", weights=own))
    shop.put("vgg16.h5", b"damaged")
    assert not cache.here(spec("VGG16"))
    assert "vgg16.h5 is damaged" in str(cache.missing(spec("VGG16")))
    shop.put("vgg16.h5")
    assert not cache.here(spec("VGG16"))
    assert INDEX in str(cache.missing(spec("VGG16")))
    shop.put(INDEX)
    assert cache.here(spec("VGG16"))
    assert not cache.here(spec("VGG16", include_top=False))
    assert "vgg16_notop.h5" in str(cache.missing(spec("VGG16", include_top=False)))
    assert shop.server.names == []


def test_the_pack_counts_before_the_cache_and_is_not_written(shop, tmp_path):
    shop.put("vgg16.h5")
    packed = shop.put("vgg16.h5", folder=tmp_path / "pack")
    cache.use_pack(tmp_path / "pack")
    row = architectures["VGG16"]
    assert cache.find(row.files[0], row) == packed
    assert cache.fetch(spec("VGG16"), silent) == packed
    assert cache.fetch(spec("ResNet50"), silent) == shop.home / "models" / "resnet50.h5"
    assert [path.name for path in (tmp_path / "pack").iterdir()] == ["vgg16.h5"]


def test_a_damaged_file_in_the_pack_gives_way_to_a_whole_one(shop, tmp_path):
    shop.put("vgg16.h5", b"damaged", folder=tmp_path / "pack")
    cache.use_pack(tmp_path / "pack")
    assert cache.fetch(spec("VGG16"), silent) == shop.home / "models" / "vgg16.h5"
    assert cache.fetch(spec("VGG16"), silent) == shop.home / "models" / "vgg16.h5"
    assert shop.server.names == ["vgg16.h5", INDEX]


def test_a_pack_must_be_a_folder(tmp_path):
    with pytest.raises(ExplorerError, match="There is no folder"):
        cache.use_pack(tmp_path / "nowhere")


def test_fetching_brings_the_weights_and_the_names_of_the_classes_once(shop):
    path = cache.fetch(spec("VGG16"), silent)
    assert path == shop.home / "models" / "vgg16.h5"
    assert path.read_bytes() == shop.published["vgg16.h5"]
    assert shop.here() == [INDEX, "vgg16.h5"]
    cache.fetch(spec("VGG16"), silent)
    assert shop.server.names == ["vgg16.h5", INDEX]
    assert cache.classes() == (("n01440764", "tench"), ("n01443537", "goldfish"))


def test_without_a_top_no_names_are_needed(shop):
    cache.fetch(spec("VGG16", include_top=False), silent)
    assert shop.here() == ["vgg16_notop.h5"]


def test_what_is_downloaded_is_named(shop):
    told = []
    cache.fetch(spec("VGG16"), told.append)
    beginnings = list(dict.fromkeys(one.text.partition(": ")[0] for one in told))
    assert beginnings == ["Downloading the weights of VGG16", "Downloading the names of the classes"]


def test_fetching_can_be_cancelled(shop):
    def say(_progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        cache.fetch(spec("VGG16"), say)


def test_a_damaged_file_is_fetched_anew_and_not_lost_before(shop):
    path = shop.put("vgg16.h5", b"damaged")
    shop.server.files.clear()
    with pytest.raises(WeightsUnavailable, match="404"):
        cache.fetch(spec("VGG16"), silent)
    assert path.read_bytes() == b"damaged"
    shop.server.files = dict(shop.published)
    assert cache.fetch(spec("VGG16"), silent).read_bytes() == shop.published["vgg16.h5"]
    assert shop.here() == [INDEX, "vgg16.h5", "vgg16.h5.damaged"]


@pytest.fixture
def tagger(test_data, home, monkeypatch):
    """A server that has the weights of the music tagger under the name that it is given, and the home that they come to."""
    published = (test_data / "music_tagger" / "music_tagger_crnn_weights_tensorflow.h5").read_bytes()
    without_waiting(monkeypatch)
    with FileServer() as server:
        monkeypatch.setenv("EXPLORER_MIRROR", server.url)

        def serve(name):
            server.files[name] = published
            return server

        yield serve


AUTHORS, RELEASE = (file.name for file in architectures["MusicTaggerCRNN"].files[::2])


def test_the_weights_of_the_music_tagger_are_downloaded_and_checked(tagger, home):
    server = tagger(AUTHORS)
    network = loading.build(spec("MusicTaggerCRNN"))
    assert network.labels[9] == ("9", "jazz")
    assert server.names == [AUTHORS]
    assert (home / "models" / AUTHORS).stat().st_size == 1_649_464
    loading.build(spec("MusicTaggerCRNN", include_top=False))
    assert len(server.names) == 1


def test_where_the_authors_file_is_not_to_be_had_the_release_of_the_guides_is_taken(tagger, home):
    tagger(RELEASE)
    loading.build(spec("MusicTaggerCRNN"))
    assert [path.name for path in (home / "models").iterdir() if path.suffix == ".h5"] == [RELEASE]
    assert cache.here(spec("MusicTaggerCRNN"))
    assert "MusicTaggerCRNN" in cache.at_hand()


def test_where_neither_is_to_be_had_the_first_failure_is_said(tagger):
    tagger("something else")
    with pytest.raises(WeightsUnavailable, match="weights of MusicTaggerCRNN"):
        cache.fetch(spec("MusicTaggerCRNN"), silent)


def test_a_damaged_bundled_file_is_not_asked_for_elsewhere(shop, monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "BUNDLED", tmp_path)
    (tmp_path / "digits.keras").write_bytes(b"damaged")
    with pytest.raises(ExplorerError, match="is damaged"):
        cache.fetch(spec("digits"), silent)
    assert shop.server.names == []


def test_from_the_publisher_a_file_without_hash_must_have_the_published_size(shop, monkeypatch):
    saved_anew = tiny_weights.hdf5("saved anew", 9000)
    shop.server.files["mobilenet_1_224.h5"] = saved_anew
    monkeypatch.delenv("EXPLORER_MIRROR")
    monkeypatch.setenv("http_proxy", shop.server.url)  # stands for the publisher too
    monkeypatch.setenv("no_proxy", "")
    url = architectures["MobileNet"].files[0].url
    shop.server.files[url] = saved_anew
    with pytest.raises(WeightsUnavailable, match="bytes instead of"):
        cache.fetch(spec("MobileNet"), silent)
    assert shop.server.names == [url]
    monkeypatch.setenv("EXPLORER_MIRROR", shop.server.url)
    monkeypatch.delenv("http_proxy")
    assert cache.fetch(spec("MobileNet"), silent).read_bytes() == saved_anew


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [
        (lambda data: data[:-1], r"it is cut off after \d+ of \d+ bytes"),
        (lambda data: b"", "it is cut off after 0 of "),
        (lambda data: bytes([data[0] ^ 1]) + data[1:], "its hash is not the published one"),
        (lambda data: data + b"more", "its hash is not the published one"),
    ],
)
def test_a_file_with_a_hash_must_be_the_published_one(damage, wrong, shop):
    file = architectures["VGG16"].files[0]
    path = shop.put(file.name, damage(shop.published[file.name]))
    with pytest.raises(ExplorerError, match=wrong) as refused:
        cache.check(path, file)
    assert f"{path} is damaged" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: b"<html>" + data])
def test_a_file_without_hash_must_be_whole_hdf5(damage, shop):
    file = architectures["MobileNet"].files[0]
    path = shop.put(file.name, damage(shop.published[file.name]))
    with pytest.raises(ExplorerError, match="is damaged: it is no whole HDF5 file"):
        cache.check(path, file)


def test_a_file_without_hash_may_have_been_saved_anew(shop):
    file = architectures["MobileNet"].files[0]
    cache.check(shop.put(file.name, tiny_weights.hdf5("saved anew", 9000)), file)


def test_a_file_that_can_not_be_read_is_named(shop, monkeypatch):
    def denied(*_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache, "wrong_with", denied)
    file = architectures["VGG16"].files[0]
    with pytest.raises(ExplorerError, match=r"vgg16\.h5 can't be read: Permission denied"):
        cache.check(shop.put(file.name), file)


def test_a_whole_file_is_read_once_until_it_changes(shop, monkeypatch):
    read = []
    monkeypatch.setattr(cache, "wrong_with", lambda path, *_facts: read.append(path.name) or "")
    file = architectures["VGG16"].files[0]
    path = shop.put(file.name, b"as it was")
    cache.check(path, file)
    cache.check(path, file)
    assert read == ["vgg16.h5"]
    cache.check(shop.put(file.name, b"changed since"), file)
    assert read == ["vgg16.h5"] * 2


def test_a_real_weights_file_is_whole_and_its_half_is_not(keras_home, tmp_path):
    file = architectures["MobileNetV2"].files[0]
    real = cache.path(spec("MobileNetV2"))
    cache.check(real, file)
    half = tmp_path / file.name
    half.write_bytes(real.read_bytes()[: real.stat().st_size // 2])
    with pytest.raises(ExplorerError, match="is damaged"):
        cache.check(half, file)


def test_weights_that_can_not_be_had_are_named_with_size_folder_and_a_way_out(home):
    with pytest.raises(WeightsUnavailable) as refused:
        cache.fetch(spec("VGG16"), silent)
    sentence = str(refused.value)
    for part in ("VGG16", "vgg16_weights_tf_dim_ordering_tf_kernels.h5", "528 MB", "127.0.0.1:9", str(home / "models"), "weights=None"):
        assert part in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "options", "command"),
    [
        ("VGG16", {}, "explorer weights download VGG16"),
        ("VGG16", {"include_top": False}, "explorer weights download VGG16 --no-top"),
        ("MobileNetV2", {"alpha": 0.35}, "explorer weights download MobileNetV2 --alpha 0.35"),
        ("MobileNetV2", {"input_shape": (160, 160, 3)}, "explorer weights download MobileNetV2 --side 160"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_gets_it(name, options, command, home, monkeypatch):
    monkeypatch.setenv("EXPLORER_WEIGHTS", "/of/the/class")
    wanted = spec(name, **options)
    sentence = str(cache.missing(wanted))
    for part in (name, cache.wanted(wanted).name, str(home / "models"), "/of/the/class", f"`{command}`", "weights=None"):
        assert part in sentence


def test_sizes_are_said_in_words():
    file = architectures["VGG16"].files[0]
    assert cache.size_of(file) == "528 MB"
    assert cache.size_of(cache.CLASS_INDEX) == "35 kB"
    assert cache.size_of(type(file)("unknown.h5", "")) == "size unknown"


def test_class_names_that_can_not_be_had_are_not_blamed_on_the_weights(shop):
    del shop.server.files[INDEX]
    with pytest.raises(WeightsUnavailable, match=INDEX) as refused:
        cache.fetch(spec("VGG16"), silent)
    assert "weights of VGG16" not in str(refused.value)
    assert cache.classes_here() == ()
    with pytest.raises(WeightsUnavailable, match=f"{INDEX} with the names of the classes is not in"):
        cache.classes()


def test_damaged_class_names_are_none(shop):
    shop.put(INDEX, b"{")
    assert cache.classes_here() == ()
    with pytest.raises(ExplorerError, match="is damaged"):
        cache.classes()


def test_the_size_of_the_file_that_a_network_came_from_is_known(tmp_path, no_network):
    own = tmp_path / "mine.keras"
    own.write_bytes(b"12345")
    assert cache.file_size(model_file(str(own))) == 5
    assert cache.file_size(spec("digits")) == (BUNDLED / "digits.keras").stat().st_size
    without = spec("digits", weights=None), spec("MobileNet"), AdoptedModel(1, 0, "mine")
    assert [cache.file_size(one) for one in without] == [0, 0, 0]
