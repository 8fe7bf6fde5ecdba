import io
import stat
import struct
import zipfile

import numpy as np
import pytest
from data_sets import PICTURES, names, pictures, zipped

from explorer.backend.datasets import zip_archives
from explorer.backend.datasets.loader import training_data
from explorer.backend.datasets.zip_archives import unpacked
from explorer.errors import ExplorerError


def refusal(source, into):
    with pytest.raises(ExplorerError) as refused:
        unpacked(source, into)
    assert "\n" not in str(refused.value)
    assert not into.exists() or not list(into.iterdir())
    return str(refused.value)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def into(tmp_path):
    return tmp_path / "unpacked"


def test_a_zip_of_class_folders_is_unpacked(tmp_path, into):
    folder = unpacked(zipped(tmp_path / "a.zip", {"cat/1.png": b"1", "dog/2.png": b"2"}), into)
    assert folder == into
    assert files(into) == ["cat/1.png", "dog/2.png"]
    assert (into / "dog" / "2.png").read_bytes() == b"2"


def test_the_bytes_of_a_zip_do_as_well(tmp_path, into):
    path = zipped(tmp_path / "a.zip", {"cat/1.png": b"1"})
    assert files(unpacked(path.read_bytes(), into)) == ["cat/1.png"]


def test_what_macos_leaves_in_a_zip_is_not_unpacked(tmp_path, into):
    members = {"my data/cat/1.png": b"1", "my data/dog/2.png": b"2", "__MACOSX/my data/._x": b"", "my data/.DS_Store": b""}
    assert unpacked(zipped(tmp_path / "a.zip", members), into) == into
    assert files(into) == ["my data/cat/1.png", "my data/dog/2.png"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "../cat/1.png",
        "cat/../../1.png",
        "/etc/1.png",
        "C:/cat/1.png",
        "c:1.png",
        "..\\cat\\1.png",
        "cat\\1.png",
        "\\\\host\\1.png",
    ],
)
def test_paths_that_lead_elsewhere_are_refused_before_anything_is_written(name, tmp_path, into):
    path = zipped(tmp_path / "a.zip", {"cat/0.png": b"0", "XX": b"1"})
    path.write_bytes(_renamed(path.read_bytes(), "XX", name))  # zipfile would mend some of them
    assert "leads out of its folder" in refusal(path, into)
    assert not list(tmp_path.rglob("1.png"))


def _renamed(data, old, new):
    """Return a zip with one of its members called otherwise."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as made:
        for member in archive.infolist():
            content = archive.read(member)
            if member.filename == old:
                member.filename = member.orig_filename = new
            made.writestr(member, content)
    return out.getvalue()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(kind, tmp_path, into):
    link = zipfile.ZipInfo("cat/link.png")
    link.create_system, link.external_attr = 3, (kind | 0o777) << 16
    assert "holds the link cat/link.png" in refusal(zipped(tmp_path / "a.zip", {"cat/1.png": b"1", link: b"/etc/passwd"}), into)


def test_a_link_that_lies_where_it_is_unpacked_is_not_followed(tmp_path, into):
    (into / "cat").mkdir(parents=True)
    (into / "cat" / "1.png").symlink_to(tmp_path / "elsewhere.png")
    refusal(zipped(tmp_path / "a.zip", {"cat/1.png": b"1"}), into)
    assert not (tmp_path / "elsewhere.png").exists()


def test_a_file_that_grows_more_than_200_times_is_refused(tmp_path, into):
    text = refusal(zipped(tmp_path / "a.zip", {"cat/1.bmp": bytes(4 * 2**20)}), into)
    assert text == "a.zip holds cat/1.bmp, which unpacks to more than 200 times its size; such files are refused."


def test_a_small_file_may_grow_as_it_likes(tmp_path, into):
    assert files(unpacked(zipped(tmp_path / "a.zip", {"cat/1.bmp": bytes(2**20)}), into)) == ["cat/1.bmp"]


def test_more_than_four_gigabytes_are_refused(tmp_path, into, monkeypatch):
    monkeypatch.setattr(zip_archives, "LARGEST", 1000)
    assert "more than 4 GB" in refusal(zipped(tmp_path / "a.zip", {"cat/1.png": bytes(600), "dog/1.png": bytes(600)}), into)


def test_more_than_100000_files_are_refused(tmp_path, into, monkeypatch):
    monkeypatch.setattr(zip_archives, "MOST", 2)
    assert "more than 100,000 files" in refusal(zipped(tmp_path / "a.zip", {f"cat/{place}.png": b"" for place in range(3)}), into)


def test_a_header_that_lies_about_a_size_writes_no_more_than_it_says(tmp_path, into):
    data = zipped(tmp_path / "a.zip", {"cat/1.png": bytes(2**20)}).read_bytes()
    lying = data.replace(struct.pack("<I", 2**20), struct.pack("<I", 100))
    assert lying != data
    assert "damaged" in refusal(lying, into)


def test_an_encrypted_zip_is_refused(tmp_path, into):
    data = bytearray(zipped(tmp_path / "a.zip", {"cat/1.png": b"1"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted" in refusal(bytes(data), into)


def test_a_damaged_zip_is_refused_and_what_was_unpacked_removed(tmp_path, into):
    rng = np.random.default_rng(0)
    path = zipped(tmp_path / "a.zip", {"cat/1.png": b"1", "dog/2.png": rng.bytes(5000)})
    data = bytearray(path.read_bytes())
    data[3000] ^= 0xFF
    assert "damaged" in refusal(bytes(data), into)
    path.write_bytes(path.read_bytes()[:2000])
    assert refusal(path, into).startswith("a.zip is not a zip that can be unpacked, or is damaged")
    assert "not a zip" in refusal(b"no zip at all", into)
    assert "not a zip" in refusal(b"", into)


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_file_in_a_zip_is_refused_however_it_is_packed(kind, tmp_path, into):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", kind) as archive:
        archive.writestr("cat/1.png", np.random.default_rng(0).bytes(5000))
    data = bytearray(packed.getvalue())
    data[2000:2100] = bytes(100)
    assert refusal(bytes(data), into).startswith("The zip ")


def test_a_zip_that_is_not_there_is_said(tmp_path, into):
    assert "There is no file" in refusal(tmp_path / "none.zip", into)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused(tmp_path, into):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", b"1")
        archive.writestr("cat/1.png", b"2")
    assert refusal(path, into) == "a.zip holds 1.png twice, or as a file and a folder; pack the folder again."


def test_a_full_disk_is_said_and_nothing_left(tmp_path, into, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zip_archives.shutil, "copyfileobj", full)
    assert refusal(zipped(tmp_path / "a.zip", {"cat/1.png": b"1"}), into) == "a.zip can't be unpacked: the disk is full."


def test_names_that_are_not_marked_as_utf8_survive(tmp_path, into):
    path = zipped(tmp_path / "a.zip", {"Äpfel und Öl/größe 1.png": b"1"})
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + flags + 1] &= 0xFF ^ 0x08  # as macOS leaves it
    assert files(unpacked(bytes(data), into)) == ["Äpfel und Öl/größe 1.png"]


def test_names_in_an_old_encoding_survive(tmp_path, into):
    path = zipped(tmp_path / "a.zip", {"Qpfel/1.png": b"1"})
    assert files(unpacked(path.read_bytes().replace(b"Qpfel", b"\x8epfel"), into)) == ["Äpfel/1.png"]


def test_a_zip_is_trained_on_and_unpacked_once(tmp_path):
    folder = pictures(tmp_path / "flowers", rose=3, tulip=3)
    path = zipped(tmp_path / "flowers.ZIP", {f"flowers/{name}": (folder / name).read_bytes() for name in files(folder)})
    data = training_data(path, PICTURES)
    assert data.classes == ("rose", "tulip")
    assert len(names(data.training + data.validation)) == 6
    again = training_data(str(path), PICTURES)
    assert [one.example.data for one in again.training] == [one.example.data for one in data.training]


def test_more_files_than_are_unpacked_are_refused_before_their_list_is_read(tmp_path, into, monkeypatch):
    path = zipped(tmp_path / "a.zip", {f"cat/{place}.png": b"" for place in range(30)})
    monkeypatch.setattr(zip_archives, "MOST", 29)
    monkeypatch.setattr(zip_archives.zipfile, "ZipFile", lambda *_: pytest.fail("its list was read"))
    assert "more than 100,000 files" in refusal(path, into)


@pytest.mark.parametrize("large", [False, True], ids=["plain", "zip64"])
def test_it_counts_what_the_list_holds_and_not_what_it_says(large, tmp_path, into, monkeypatch):
    data = zipped(tmp_path / "a.zip", {f"cat/{place}.png": b"" for place in range(30)}).read_bytes()
    end = data.rfind(b"PK\5\6")
    start = int.from_bytes(data[end + 16 : end + 20], "little")
    if large:
        record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, end - start, start)
        locator = b"PK\6\7" + struct.pack("<IQI", 0, end, 1)
        lying = data[:end] + record + locator + b"PK\5\6" + bytes(4) + b"\xff" * 12 + bytes(2)
    else:
        lying = data[: end + 8] + b"\1\0\1\0" + data[end + 12 :]
    assert len(files(unpacked(lying, into))) == 30
    monkeypatch.setattr(zip_archives, "MOST", 29)
    assert "more than 100,000 files" in refusal(lying, into)


def test_a_list_that_would_fill_the_memory_is_refused(tmp_path, into, monkeypatch):
    monkeypatch.setenv("EXPLORER_INPUT_MEMORY", "1")
    path = zipped(tmp_path / "a.zip", {f"cat/{place}{'x' * 60_000}.png": b"" for place in range(20)})
    assert refusal(path, into).startswith("a.zip would take ")


def test_more_than_the_disk_has_room_for_is_refused_before_anything_is_written(tmp_path, into, monkeypatch):
    monkeypatch.setattr(zip_archives.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 3 * 2**19})())
    path = zipped(tmp_path / "a.zip", {f"cat/{place}.png": np.random.default_rng(place).bytes(2**20) for place in range(3)})
    said = "a.zip unpacks to 3.0 MB, and there are 1.5 MB free on the disk: use a part of it, or make room."
    assert refusal(path, into) == said


def test_a_method_of_packing_that_python_doesn_t_know_is_called_unsupported(tmp_path, into):
    data = bytearray(zipped(tmp_path / "a.zip", {"cat/1.png": b"1"}).read_bytes())
    data[data.index(b"PK\1\2") + 10] = 9  # Deflate64, which Windows uses for what is large
    assert "cat/1.png, packed by an unsupported method; pack the folder again as an ordinary zip" in refusal(bytes(data), into)


def test_folders_without_end_inside_each_other_are_refused(tmp_path, into):
    path = zipped(tmp_path / "a.zip", {"a/" * 1500 + "1.png": b"1"})
    said = refusal(path, into)
    assert "inside more than 100 folders" in said
    assert len(said) < 300


@pytest.mark.parametrize("names", [("cat", "cat/1.png"), ("cat/1.png", "cat")])
def test_a_name_that_is_a_file_and_a_folder_is_said(names, tmp_path, into):
    assert "as a file and a folder; pack the folder again" in refusal(zipped(tmp_path / "a.zip", dict.fromkeys(names, b"1")), into)


def test_a_name_that_steers_a_terminal_is_made_visible(tmp_path, into):
    said = refusal(zipped(tmp_path / "a.zip", {"cat/\x1b[31m\n1.bmp": bytes(4 * 2**20)}), into)
    assert said.startswith(r"a.zip holds cat/\x1b[31m\n1.bmp, which unpacks")
