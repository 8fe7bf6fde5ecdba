import errno
import os
import subprocess
import sys

import pytest

from explorer import disk
from explorer.runs.serialization import why_not_written


def test_a_file_takes_its_place_as_a_whole(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text("of before")
    with disk.writing(path) as part:
        part.write_text("half")
        assert (path.read_text(), part.suffix) == ("of before", ".json")
    assert path.read_text() == "half"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_before_is_left_where_writing_fails(tmp_path):
    path = tmp_path / "facts.json"
    disk.write(path, "of before")

    def fail():
        with disk.writing(path) as part:
            part.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert path.read_text() == "of before"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "a"
    with disk.writing(path) as one, disk.writing(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # whoever ends last


def test_a_link_stays_one(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    disk.write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_a_device_is_written_to_as_it_is(tmp_path):
    (tmp_path / "null").symlink_to(os.devnull)
    disk.write(tmp_path / "null", "nothing")
    assert not os.path.isfile(os.devnull)


@pytest.mark.parametrize("name", ["x" * 250 + ".json", "ü" * 120 + ".keras", ".hidden", " "])
def test_any_name_that_a_file_may_have_is_taken(tmp_path, name):
    disk.write(tmp_path / name, "all of it")
    assert (tmp_path / name).read_text() == "all of it"


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_limit_on_files_leaves_no_truncated_one(tmp_path):
    resource = pytest.importorskip("resource")
    code = """
import sys
from explorer import disk
from explorer.runs.serialization import why_not_written
try:
    disk.write(sys.argv[1], b'0' * 9999)
except OSError as error:
    print(disk.why_not(error))
"""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a"], capture_output=True, text=True, preexec_fn=limit)
    assert done.stdout == "files may not be that large here\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk quota is used up"),
        (OSError(errno.EROFS, "Read-only file system"), "the disk is read-only"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError("h5py says so"), "h5py says so"),
        (OSError(), "OSError"),
    ],
)
def test_why_a_file_can_not_be_written_is_never_a_number(error, says):
    assert disk.why_not(error) == says


def test_the_disk_is_blamed_behind_other_errors():
    full = OSError(errno.ENOSPC, "No space left on device")
    wrapped = RuntimeError("Unable to write")
    wrapped.__cause__ = full
    assert disk.blamed(wrapped) is full
    wrapped.__cause__, full.__context__ = None, wrapped
    wrapped.__context__ = ValueError()
    assert disk.blamed(wrapped) is None
    assert disk.blamed(full) is full


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "The disk is full: free some space where /runs is."),
        (errno.EDQUOT, "Your quota on the disk of /runs is used up: free some space there."),
        (errno.EFBIG, "A file would be larger than files may be in /runs: raise the limit (`ulimit -f`), or use another disk."),
        (errno.EROFS, "The disk of /runs is read-only: set EXPLORER_RUNS to a folder on another one."),
        (errno.EACCES, "Nothing can be written into /runs (Permission denied): allow it, or set EXPLORER_RUNS to another folder."),
    ],
)
def test_a_run_that_can_not_be_written_says_why_and_what_to_do(number, says):
    assert why_not_written(OSError(number, os.strerror(number)), "/runs") == says
