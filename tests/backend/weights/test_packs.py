import json

import pytest
import tiny_weights

from explorer.backend.weights import cache, packs
from explorer.errors import ExplorerError

INDEX = "imagenet_class_index.json"


@pytest.fixture
def shop(monkeypatch, tmp_path):
    with tiny_weights.shop(monkeypatch, tmp_path / "keras_home") as shop:
        yield shop


@pytest.fixture
def pack(tmp_path):
    return tmp_path / "pack"


def make(folder, *names):
    copies = [one for one in packs.inventory(names) if one.path and one.architecture != "digits"]
    return packs.make(folder, copies, lambda _progress: None)


def states(copies):
    return {one.file.name: "damaged" if one.wrong else one.path is not None for one in copies}


def test_the_shelf_has_each_default_file_and_whatever_else_is_here(shop):
    shop.put("vgg16.h5")
    shop.put("resnet50.h5", b"damaged")
    shop.put("mobilenet_0.25_128_no_top.h5")
    assert states(packs.inventory()) == {
        "digits.keras": True,
        "vgg16.h5": True,
        "resnet50.h5": "damaged",
        "mobilenet_1_224.h5": False,
        "mobilenet_0.25_128_no_top.h5": True,
    }


def test_the_shelf_of_some_names_has_only_theirs(shop):
    shop.put("vgg16.h5")
    assert states(packs.inventory(["ResNet50"])) == {"resnet50.h5": False}


def test_the_size_is_that_of_the_file_or_the_published_one(shop):
    shop.put("mobilenet_1_224.h5", tiny_weights.hdf5("saved anew", 9000))
    for one in packs.inventory():
        assert one.size == (one.path.stat().st_size if one.path else len(shop.published[one.file.name]))


def test_a_pack_is_all_that_a_machine_without_network_needs(shop, pack, monkeypatch, tmp_path):
    for name in ("vgg16.h5", "mobilenet_0.25_128.h5", INDEX):
        shop.put(name)
    made = make(pack)
    assert [one.path for one in made] == [pack / "models" / name for name in ("vgg16.h5", "mobilenet_0.25_128.h5", INDEX)]
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    cache.use_pack(pack)
    assert cache.locally_available() == {"digits", "VGG16"}
    assert cache.classes() == (("n01440764", "tench"), ("n01443537", "goldfish"))
    assert not any(one.wrong for one in packs.inventory())
    assert list(packs.missing()) == []


def test_the_manifest_says_what_there_is(shop, pack):
    for name in ("vgg16.h5", INDEX):
        shop.put(name)
    make(pack)
    entries = json.loads((pack / "manifest.json").read_text())["files"]
    assert [(one["file"], one["architecture"]) for one in entries] == [(INDEX, None), ("vgg16.h5", "VGG16")]
    assert [one["size"] for one in entries] == [len(shop.published[one["file"]]) for one in entries]
    assert [len(one["md5"]) for one in entries] == [32, 32]


def test_packing_again_adds_to_a_pack_and_mends_it(shop, pack):
    shop.put("vgg16.h5")
    make(pack)
    (pack / "models" / "vgg16.h5").write_bytes(b"damaged")
    shop.put("resnet50.h5")
    make(pack, "VGG16")
    make(pack, "ResNet50")
    assert set(packs.read_manifest(pack)) == {"resnet50.h5", "vgg16.h5"}
    assert (pack / "models" / "vgg16.h5").read_bytes() == shop.published["vgg16.h5"]


def test_what_was_taken_out_of_a_pack_leaves_its_manifest(shop, pack):
    shop.put("vgg16.h5")
    shop.put("resnet50.h5")
    make(pack)
    (pack / "models" / "vgg16.h5").unlink()
    make(pack, "ResNet50")
    assert set(packs.read_manifest(pack)) == {"resnet50.h5"}


def test_damage_that_only_the_manifest_shows_is_found(shop, pack):
    shop.put("mobilenet_1_224.h5")
    make(pack)
    (pack / "models" / "mobilenet_1_224.h5").write_bytes(tiny_weights.hdf5("another"))
    cache.use_pack(pack)
    wrong = [one.wrong for one in packs.inventory() if one.path and pack in one.path.parents]
    assert wrong == [f"{pack}/models/mobilenet_1_224.h5 is damaged: it is not the file that the manifest lists."]


def test_what_the_manifest_lists_and_the_pack_lost_is_named(shop, pack):
    shop.put("vgg16.h5")
    make(pack)
    (pack / "models" / "vgg16.h5").unlink()
    cache.use_pack(pack)
    assert [(one.architecture, one.wrong) for one in packs.missing()] == [
        ("VGG16", f"vgg16.h5 is missing in {pack}, though its manifest lists it.")
    ]


def test_a_pack_may_be_flat_and_without_a_manifest(shop, pack):
    shop.put("vgg16.h5", folder=pack)
    cache.use_pack(pack)
    assert [one.path for one in packs.inventory(["VGG16"])] == [pack / "vgg16.h5"]
    assert list(packs.missing()) == []


ENTRY = '{"files": [{"file": "vgg16.h5", "architecture": "VGG16", "size": 1, "md5": ""}]}'


@pytest.mark.parametrize(
    "content",
    [
        *("{", "[]", '{"files": [{"file": "vgg16.h5"}]}', '{"files": 1}', "[" * 100_000),
        *(ENTRY.replace('"size": 1', f'"size": {size}') for size in ("Infinity", "null", '"many"', "9" * 5000)),
        *(ENTRY.replace('"vgg16.h5"', name) for name in ('"../vgg16.h5"', "1", "[]", '""')),
        ENTRY.replace('"VGG16"', "[]"),
    ],
    ids=range(14),
)
def test_another_file_in_the_manifests_place_is_named(content, pack):
    pack.mkdir()
    (pack / "manifest.json").write_text(content)
    with pytest.raises(ExplorerError, match=r"manifest\.json is not the manifest of a pack"):
        packs.read_manifest(pack)


def test_a_copy_that_went_wrong_is_not_kept(shop, pack, monkeypatch):
    shop.put("vgg16.h5")
    monkeypatch.setattr(packs.shutil, "copyfile", lambda _source, target: target.write_bytes(b"what a bad stick made of it"))
    with pytest.raises(ExplorerError, match=r"copy of vgg16\.h5 .* is damaged"):
        make(pack)
    assert list((pack / "models").iterdir()) == []


def test_a_folder_that_can_not_be_written_is_named(shop, pack):
    shop.put("vgg16.h5")
    pack.write_text("a file in the folder's place")
    with pytest.raises(ExplorerError, match="pack can't be written"):
        make(pack)
