import json

import pytest
import tiny_weights

from explorer.cli.main import main

INDEX = "imagenet_class_index.json"


@pytest.fixture
def shop(monkeypatch, tmp_path):
    with tiny_weights.shop(monkeypatch, tmp_path / "keras_home") as shop:
        yield shop


@pytest.fixture
def run(capsys, shop):
    """Return a function that runs `explorer weights ...` here and returns its exit status, stdout and stderr."""

    def run(*arguments, before=()):
        try:
            status = main([*map(str, before), "weights", *map(str, arguments)])
        except SystemExit as left:
            status = left.code
        return (status, *capsys.readouterr())

    return run


def test_the_list_says_what_is_here_and_whether_it_is_whole(run, shop):
    shop.put("vgg16.h5")
    shop.put("resnet50.h5", b"damaged")
    status, out, err = run("list")
    assert (status, err) == (0, "")
    title, *lines = [line.split() for line in out.splitlines()]
    folder = str(shop.home / "models")
    assert title == ["name", "file", "MB", "where", "state"]
    assert [line[:2] + line[3:] for line in lines[1:]] == [
        ["VGG16", "vgg16.h5", folder, "whole"],
        ["ResNet50", "resnet50.h5", folder, "damaged"],
        ["MobileNet", "mobilenet_1_224.h5", "not", "here"],
    ]
    assert lines[0][0] == "digits"


def test_the_list_as_json_tells_the_same(run, shop):
    path = shop.put("resnet50.h5", b"damaged")
    status, out, err = run("list", "--json")
    assert (status, err) == (0, "")
    by_name = {one["name"]: one for one in json.loads(out)}
    assert by_name["digits"]["whole"] is True
    assert by_name["VGG16"] == {
        "name": "VGG16",
        "file": "vgg16.h5",
        "size": len(shop.published["vgg16.h5"]),
        "path": None,
        "whole": None,
        "wrong": None,
    }
    damaged = by_name["ResNet50"]
    assert (damaged["path"], damaged["size"], damaged["whole"]) == (str(path), 7, False)
    assert "cut off" in damaged["wrong"]


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["VGG16"], [INDEX, "vgg16.h5"]),
        (["VGG16", "ResNet50"], [INDEX, "resnet50.h5", "vgg16.h5"]),
        (["VGG16", "--no-top"], ["vgg16_notop.h5"]),
        (["MobileNet", "--alpha", "0.25"], [INDEX, "mobilenet_0.25_224.h5"]),
        (["MobileNet", "--side", "128", "--no-top"], ["mobilenet_1_128_no_top.h5"]),
    ],
)
def test_what_is_downloaded_lies_where_keras_finds_it(arguments, files, run, shop):
    status, out, err = run("download", *arguments)
    assert (status, err) == (0, "")
    assert shop.here() == sorted(files)
    assert all(name in out for name in files if name != INDEX)


def test_a_download_as_json_names_the_files(run, shop):
    status, out, _err = run("download", "VGG16", "--json")
    assert status == 0
    assert [(one["name"], one["path"], one["whole"]) for one in json.loads(out)] == [
        ("VGG16", str(shop.home / "models" / "vgg16.h5"), True)
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["download", "VGG61"], "Did you mean VGG16"),
        (["download", "VGG16", "VGG61"], "Did you mean VGG16"),
        (["download", "MobileNet", "--alpha", "0.3"], "alpha"),
        (["download", "ResNet50"], "has no file resnet50.h5 (404)"),
        (["verify", "ResNet50"], "`explorer weights download ResNet50`"),
        (["list", "--weights", "/nowhere"], "There is no folder /nowhere"),
        (["pack", "PACK"], "There are no weights here to pack"),
        (["pack", "PACK", "digits"], "There are no weights here to pack"),
        (["download"], "NAME"),
        ([], "COMMAND"),
    ],
)
def test_what_goes_wrong_is_one_line_and_status_2(arguments, sentence, run, shop, tmp_path):
    del shop.server.files["resnet50.h5"]
    status, _out, err = run(*[str(tmp_path / one) if one == "PACK" else one for one in arguments])
    assert status == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert shop.here() == []


def test_all_that_is_here_is_verified(run, shop):
    for name in ("vgg16.h5", "mobilenet_1_224.h5", INDEX):
        shop.put(name)
    status, out, err = run("verify")
    assert (status, err) == (0, "")
    assert [line.split()[-1] for line in out.splitlines()[1:]] == ["whole"] * 4


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_what_is_damaged_is_named_and_the_status_is_2(option, run, shop):
    shop.put("vgg16.h5")
    shop.put("resnet50.h5", b"damaged")
    shop.put(INDEX, b"{")
    status, out, err = run("verify", *option)
    assert status == 2
    assert "resnet50.h5 is damaged" in err
    assert "One more file is damaged or missing." in err
    assert err.count("\n") == 1
    assert "vgg16.h5" in out
    assert run("verify", "VGG16", *option)[0] == 2  # its names are damaged
    shop.put(INDEX)
    assert run("verify", "VGG16", *option)[0] == 0


def test_a_pack_holds_what_is_here_and_says_its_size(run, shop, tmp_path):
    shop.put("vgg16.h5")
    shop.put("resnet50.h5", b"damaged")
    pack = tmp_path / "pack"
    status, out, err = run("pack", pack)
    assert (status, err) == (0, "")
    assert sorted(path.name for path in (pack / "models").iterdir()) == [INDEX, "vgg16.h5"]
    assert (pack / "manifest.json").is_file()
    assert out.splitlines()[-1] == f"10 kB in {pack}, to be used with EXPLORER_WEIGHTS={pack}"


def test_what_is_named_is_downloaded_into_a_pack_after_its_size_is_said(run, shop, tmp_path):
    shop.put("vgg16.h5")
    status, out, err = run("pack", tmp_path / "pack", "ResNet50", "VGG16", "--json")
    assert status == 0
    assert err == f"resnet50.h5 ({round(len(shop.published['resnet50.h5']) / 1024)} kB) is downloaded.\n"
    assert [one["file"] for one in json.loads(out)] == ["resnet50.h5", "vgg16.h5", INDEX]


def test_a_pack_is_verified_where_it_is_named(run, shop, tmp_path):
    shop.put("vgg16.h5")
    pack = tmp_path / "pack"
    run("pack", pack)
    assert str(pack / "models") in run("verify", "--weights", pack)[1]
    (pack / "models" / "vgg16.h5").unlink()
    for status, _out, err in (run("verify", "--weights", pack), run("verify", before=["--weights", pack])):
        assert status == 2
        assert "vgg16.h5 is missing" in err
