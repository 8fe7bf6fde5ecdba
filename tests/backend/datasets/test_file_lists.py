import pytest
from data_sets import PICTURES, classes_of, names, picture, pictures

from explorer.backend.datasets.loader import training_data
from explorer.errors import ExplorerError


@pytest.fixture
def read(tmp_path):
    """Return the data of a list in the folder of four pictures."""
    for place in range(4):
        picture(tmp_path / "my pictures" / f"größe {place}.png", place)

    def read(text, encoding="utf-8"):
        (tmp_path / "list.csv").write_bytes(text.replace("P", "my pictures/größe ").encode(encoding))
        return training_data(tmp_path / "list.csv", PICTURES, validation=0)

    return read


@pytest.mark.parametrize("header", ["", "file,class\n", "Filename,what it is\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_list_names_files_and_their_class(header, encoding, read):
    data = read(header + "P0.png,cat\nP1.png,dog\n\nP2.png, cat \n", encoding)
    assert data.classes == ("cat", "dog")
    assert classes_of(data, data.training) == [("cat",), ("dog",), ("cat",)]
    assert names(data.training)[0] == "my pictures/größe 0.png"
    assert not data.multi_label


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_are_separated_by_commas_semicolons_or_tabs(separator, read):
    data = read(f"class{separator}file\r\ncat{separator}P0.png\r\ndog{separator}P1.png\r\n")
    assert classes_of(data, data.training) == [("cat",), ("dog",)]


def test_several_classes_are_in_one_cell(read):
    data = read('file,classes\nP0.png,cat;dog\nP1.png,dog\nP2.png,""\nP3.png,"cat; bird"\n')
    assert data.multi_label
    assert classes_of(data, data.training) == [("cat", "dog"), ("dog",), (), ("bird", "cat")]


def test_several_classes_are_in_several_cells(read):
    data = read("P0.png,cat,dog\nP1.png,dog\nP2.png,cat,\n")
    assert data.multi_label
    assert classes_of(data, data.training) == [("cat", "dog"), ("dog",), ("cat",)]


def test_each_class_has_a_column_of_zeros_and_ones(read):
    data = read("file,dog,cat,bird\nP0.png,1,1,0\nP1.png,0,1,0\nP2.png,0,0,0\n")
    assert data.multi_label
    assert data.classes == ("dog", "cat")
    assert classes_of(data, data.training) == [("dog", "cat"), ("cat",), ()]
    assert "Left out, as they have no readable example: bird." in data.notes


def test_files_that_are_not_there_or_have_no_class_are_left_out_and_named(read):
    data = read("file,class\nP0.png,cat\nP1.png,dog\nnowhere.png,cat\nP2.png,\n../..,dog\n")
    assert len(data.training) == 2
    reasons = dict(data.left_out)
    assert "There is no file" in reasons["nowhere.png"]
    assert reasons["my pictures/größe 2.png"] == "my pictures/größe 2.png is listed without a class."
    assert "is not a file" in reasons["../.."]


@pytest.mark.parametrize("name", ["~nobody at all/x.png", "x" * 400, "x" * 400 + ".png"])
def test_names_that_can_be_no_path_are_left_out(name, read):
    data = read(f"file,class\n{name},cat\nP0.png,cat\nP1.png,dog\n")
    assert [one for one, _why in data.left_out] == [name]
    assert "There is no file" in data.left_out[0][1]


def test_a_long_first_line_is_a_header(read):
    assert read("x" * 400 + ",class\nP0.png,cat\nP1.png,dog\n").classes == ("cat", "dog")


def test_a_class_may_be_called_as_columns_of_files_are(read):
    data = read("P0.png,sound\nP1.png,image\n")
    assert classes_of(data, data.training) == [("sound",), ("image",)]


def test_the_numbers_of_rows_that_pandas_writes_are_passed_over(read):
    data = read(",file,class\n0,P0.png,cat\n1,P1.png,dog\n")
    assert not data.multi_label
    assert classes_of(data, data.training) == [("cat",), ("dog",)]


def test_a_column_of_files_needs_no_name(read):
    data = read(",cat,dog\nP0.png,1,1\nP1.png,0,1\n")
    assert classes_of(data, data.training) == [("cat", "dog"), ("dog",)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "list.csv must list a file and its class in each line"),
        ("P0.png\nP1.png\n", "list.csv must list a file and its class"),
        ("P0.png,1,0\nP1.png,0,1\n", "its first line must name the class of each"),
        ("a.png,\0\n", "list.csv is not a text table"),
        ("file,class\n", "There are no examples in the data"),
        ("file,class\nx.png,cat\ny.png,dog\n", "None of the 2 files can be used; the first: There is no file"),
    ],
)
def test_what_is_no_such_list_is_refused(text, sentence, read):
    with pytest.raises(ExplorerError, match=sentence):
        read(text)


def test_a_list_of_held_out_files_can_be_given(read, tmp_path):
    read("P0.png,cat\nP1.png,dog\n")
    (tmp_path / "held out.csv").write_text("my pictures/größe 2.png,dog\n")
    data = training_data(tmp_path / "list.csv", PICTURES, validation=tmp_path / "held out.csv")
    assert classes_of(data, data.validation) == [("dog",)]


def test_files_in_a_folder_are_the_same_as_in_a_list(tmp_path):
    folder = pictures(tmp_path, cat=2, dog=2)
    (tmp_path / "list.csv").write_text("".join(f"{name}/{place}.png,{name}\n" for name in ("cat", "dog") for place in (0, 1)))
    listed = training_data(folder / "list.csv", PICTURES, validation=0)
    found = training_data(folder, PICTURES, validation=0)
    assert [(one.example.name, one.example.data, one.classes) for one in listed.training] == [
        (one.example.name, one.example.data, one.classes) for one in found.training
    ]
