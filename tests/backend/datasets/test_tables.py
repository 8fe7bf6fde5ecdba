"""Lists of files as people really have them: which column is what, and where the files are."""

import pytest
from data_sets import PICTURES, classes_of, names, picture

from explorer.backend.datasets.loader import training_data
from explorer.backend.datasets.specs import data_spec
from explorer.backend.datasets.tables import rows_of
from explorer.errors import ExplorerError, UndecidedColumn, UnknownName


@pytest.fixture
def read(tmp_path):
    """Return what reads a list beside a folder of pictures p0.png to p5.png."""
    for place in range(6):
        picture(tmp_path / "images" / f"p{place}.png", place)

    def read(text, name="list.csv", **options):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return training_data(path, PICTURES, **{"validation": 0, **options})

    return read


def told(data):
    """Return {name: classes} of what is trained on."""
    return {one: " ".join(of) for one, of in zip(names(data.training), classes_of(data, data.training), strict=True)}


def refusal(read, text, **options):
    with pytest.raises(ExplorerError) as refused:
        read(text, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


CATS = {"p0": "cat", "p1": "dog", "p2": "cat"}


@pytest.mark.parametrize(
    "text",
    [
        "lesion_id,image_id,dx,dx_type,age,sex,localization\nL1,p0,cat,histo,80,male,scalp\nL2,p1,dog,histo,75,male,ear\nL3,p2,cat,f,80,f,ear\n",
        "id,breed\np0,cat\np1,dog\np2,cat\n",
        "image,width,height,class,xmin,ymin,xmax,ymax\np0,9,9,cat,1,2,3,4\np1,8,8,dog,3,4,5,6\np2,7,7,cat,1,1,1,1\n",
        "Image,Id\np0,cat\np1,dog\np2,cat\n",
        "slice_file_name,fsID,start,end,fold_of,salience,classID,class\np0,1,0,.5,9,1,0,cat\np1,2,0,.7,9,2,1,dog\np2,3,0.1,.8,9,1,0,cat\n",
        "age,image,what,sex\n31,p0,cat,m\n45,p1,dog,f\n31,p2,cat,m\n",
        ",file,label\n0,p0,cat\n1,p1,dog\n2,p2,cat\n",
        "Unnamed: 0,file,species\n0,p0,cat\n1,p1,dog\n2,p2,cat\n",
        "filename,url,label\np0,http://a,cat\np1,http://b,dog\np2,http://c,cat\n",
        "Image Index,Finding Labels,Follow-up #,Patient Age\np0,cat,0,58\np1,dog,1,58\np2,cat,2,81\n",
    ],
)
def test_the_classes_are_found_among_other_columns(text, read):
    data = read(text)
    assert (told(data), data.multi_label) == (CATS, False)


def test_what_was_recognised_is_said(read):
    data = read("image_id,dx,age,sex\np0,cat,80,m\np1,dog,75,f\np2,cat,80,m\n")
    assert data.notes[:2] == ("The files are in image_id, their classes in dx.", "Not used: age, sex.")


@pytest.mark.parametrize(
    "text",
    ["file,breed,species\np0,pug,dog\np1,tabby,cat\np2,husky,dog\n", "p0,cat,male\np1,dog,female\n", "file,front,back\np0,a,b\np1,b,a\n"],
)
def test_in_doubt_it_is_asked(text, read):
    with pytest.raises(UndecidedColumn, match=r"several columns that may hold the classes .*: choose one with label_column=") as asked:
        read(text)
    assert len(asked.value.columns) == 2


@pytest.mark.parametrize(("column", "classes"), [("species", ("cat", "dog")), ("3", ("cat", "dog")), ("breed", ("husky", "pug", "tabby"))])
def test_the_column_can_be_named(column, classes, read, tmp_path):
    text = "file,breed,species\np0,pug,dog\np1,tabby,cat\np2,husky,dog\n"
    assert read(text, label_column=column).classes == classes
    assert training_data(data_spec(tmp_path / "list.csv", 0, label_column=column), PICTURES).classes == classes


def test_the_column_of_the_files_can_be_named(read, tmp_path):
    picture(tmp_path / "images" / "q0.png", 10)
    text = "left,right,label\np0,q0,cat\np1,p2,dog\n"
    assert names(read(text, file_column="right").training) == ["q0", "p2"]


def test_columns_that_are_not_there_are_refused(read):
    with pytest.raises(UnknownName, match=r"label_column: there is no column 'lable'\. Did you mean label\? There are file, label\."):
        read("file,label\np0,cat\np1,dog\n", label_column="lable")


def test_columns_are_of_lists_only(tmp_path):
    for one in ("a", "b"):
        picture(tmp_path / one / "1.png", 1)
    with pytest.raises(ExplorerError, match=r"label_column and file_column are for a \.csv"):
        training_data(tmp_path, PICTURES, label_column="x")


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        ("split", "train train valid train test"),
        ("Data Set", "TRAIN TRAIN VAL TRAIN TEST"),
        ("usage", "Training Training PublicTest Training PrivateTest"),
        ("what for", "train train dev train unlabelled"),
        ("set", "Training Training Validierung Training Rest"),
        ("is_valid", "False False True FALSE "),
        ("is_train", "1 1 0 1 "),
        ("is_test", "no"),
        ("partition", "0 0 1 0 2"),
        ("setid", "1 1 2 1 3"),
        ("fold", "1 2 3 1 "),
    ],
)
def test_a_column_of_parts_is_the_split(column, parts, read):
    parts = (parts.replace("no", "f f t f ").replace("f", "0").replace("t", "1") if parts == "no" else parts).split(" ")
    labels = ["cat", "dog", "cat", "cat", "dog"]
    lines = [f"p{place},{label},{part}" for place, (label, part) in enumerate(zip(labels, parts, strict=True))]
    data = read("\n".join([f"file,label,{column}", *lines]))
    assert (data.classes, names(data.training), names(data.validation)) == (("cat", "dog"), ["p0", "p1", "p3"], ["p2"])
    assert any(f"{column} says which part each file belongs to." in note for note in data.notes)


def test_lines_of_no_part_are_left_aside_where_nothing_else_is_for_validation(read):
    data = read("file,label,split\np0,cat,train\np1,dog,train\np2,cat,unlabeled\n")
    assert (names(data.training), data.validation) == (["p0", "p1"], ())
    assert "Left out: unlabeled." in data.notes


def test_columns_of_zeros_and_ones_are_one_class_each(read):
    data = read("image,MEL,NV,BCC\np0,1.0,0.0,0.0\np1,0.0,1.0,0.0\np2,0.0,0.0,1.0\n")
    assert (told(data), data.multi_label) == ({"p0": "MEL", "p1": "NV", "p2": "BCC"}, False)
    assert "Each line has a single 1, so each example is taken to be of one class." in data.notes
    data = read("image_id,Smiling,Hat\np0,1,-1\np1,-1,1\np2,1,1\n")
    assert (told(data), data.multi_label) == ({"p0": "Smiling", "p1": "Hat", "p2": "Smiling Hat"}, True)


def test_columns_of_zeros_and_ones_beside_others_are_the_classes(read):
    data = read("StudyUID,cat,dog,PatientID,age\np0,1,0,A,8\np1,0,1,A,9\np2,1,0,B,8\n")
    assert told(data) == {"p0": "cat", "p1": "dog", "p2": "cat"}
    assert "Examples of the same PatientID stay on one side of the split." in data.notes
    assert data.training[0].group == data.training[1].group != data.training[2].group


def test_a_single_column_of_zeros_and_ones_has_two_classes(read):
    data = read("id,has_cactus\np0,1\np1,0\np2,1.0\n")
    assert told(data) == {"p0": "1", "p1": "0", "p2": "1"}


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("file,score\np0,0.53\np1,0.71\np2,0.9\n", "score"),
        ("file,age\np0,31\np1,52\np2,17\n", "age"),
        ("left_x,left_y,Image\n66.1,39.0,p0\n64.3,34.9,p1\n65.2,36.1,p2\n", "left_x, left_y"),
        ("file,label\np0,1.5\np1,2.25\np2,0.125\n", "label"),
    ],
)
def test_numbers_to_predict_are_refused(text, column, read):
    assert refusal(read, text) == f"{column} in list.csv: these are numbers to predict (regression), but explorer trains on classes."


def test_boxes_of_one_file_are_one_example(read):
    data = read("filename,class,xmin,ymin\np0,cat,1,2\np0,cat,3,4\np1,dog,1,1\np2,cat,1,1\np2,dog,1,1\n")
    assert told(data) == {"p0": "cat", "p1": "dog"}
    assert dict(data.left_out) == {"p2": "p2 is listed with different classes: cat, dog."}
    assert "1 file is listed several times, and used once." in data.notes
    assert any(note.startswith("1 file is listed with different classes, and left out: write") for note in data.notes)


@pytest.mark.parametrize(
    "text",
    [
        "image_name,tags\np0,haze primary\np1,water primary\np2,clear\n",
        "image,labels\np0,haze primary\np1,water primary\np2,clear\np3,primary\n",
        'image,labels\np0,"haze,primary"\np1,"water,primary"\np2,clear\n',
        "image,Finding Labels\np0,haze|primary\np1,water|primary\np2,clear\n",
        "image,labels\np0,\"['haze', 'primary']\"\np1,\"['water', 'primary']\"\np2,['clear']\n",
        "image,tag_1,tag_2\np0,haze,primary\np1,primary,water\np2,clear,\n",
    ],
)
def test_several_classes_of_an_example(text, read):
    data = read(text)
    assert data.multi_label
    assert [sorted(one) for one in classes_of(data, data.training)][:3] == [["haze", "primary"], ["primary", "water"], ["clear"]]


def test_names_of_two_words_are_one_class(read):
    data = read("image,labels\np0,golden retriever\np1,persian cat\np2,golden retriever\n")
    assert (data.classes, data.multi_label) == (("golden retriever", "persian cat"), False)


@pytest.mark.parametrize(
    "name",
    [
        "images/p{}.png",
        "images\\p{}.png",
        "p{}.png",
        "P{}.PNG",
        "p{}",
        "/content/data/images/p{}.png",
        "C:\\me\\pics\\p{}.png",
        "../images/p{}.png",
        "{absolute}/p{}.png",
    ],
)
def test_files_are_found_however_they_are_written(name, read, tmp_path):
    name = name.replace("{absolute}", str(tmp_path / "images"))
    data = read(f"file,label\n{name.format(0)},cat\n{name.format(1)},dog\n", "metadata/list.csv" if name.startswith("..") else "list.csv")
    assert [one.example.data.path for one in data.training] == [str(tmp_path / "images" / f"p{place}.png") for place in (0, 1)]


def test_a_list_in_a_folder_of_its_own_is_of_the_files_beside_it(read, tmp_path):
    data = read("file,label\np0.png,cat\np1.png,dog\n", "metadata/list.csv")
    assert data.training[0].example.data.path == str(tmp_path / "images" / "p0.png")


def test_files_of_the_same_name_are_told_apart(read, tmp_path):
    picture(tmp_path / "masks" / "p0.png", 20)
    picture(tmp_path / "test" / "p1.png", 21)
    picture(tmp_path / "train" / "p1.png", 22)
    picture(tmp_path / "other" / "p2.png", 23)
    data = read("file,label\np0,cat\np1,dog\np2,cat\nother/p2.png,dog\nnowhere/p3.png,dog\n", "train.csv")
    assert [one.example.data.path for one in data.training] == [
        str(tmp_path / one) for one in ("images/p0.png", "train/p1.png", "other/p2.png")
    ]
    reasons = dict(data.left_out)
    assert reasons["p2"] == "p2 may be images/p2.png or other/p2.png: write the folder before it."
    assert "There is no file" in reasons["nowhere/p3.png"]


TABLE = [["file", "label"], ["p0", "größer; als"], ["p1", "dog"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_tables_of_all_encodings_and_separators(encoding, separator, tmp_path):
    text = "\r\n".join(separator.join(f'"{cell}"' for cell in row) for row in TABLE)
    for first in ("", f"sep={separator}\r\n"):
        (tmp_path / "t.csv").write_bytes((first + text).encode(encoding))
        assert rows_of(tmp_path / "t.csv") == TABLE


@pytest.mark.parametrize(
    "text",
    [
        "emotion,pixels,Usage\n0," + "70 " * 200 + ",Training\n",
        "label,"
        + ",".join(f"pixel{n}" for n in range(120))
        + "\n"
        + "\n".join(f"{n}," + ",".join(str(n + m) for m in range(120)) for n in (1, 2)),
    ],
)
def test_pixels_in_a_table_are_refused(text, read):
    assert "holds the pixels themselves, not names of files" in refusal(read, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("P0.png" + ",1" * 15_000 + "\n" + "P1.png,2\n" * 20_000, "would take 8"),
        ("P0.png,1\n" * 2_000_002, "has 2,000,002 lines, more than 2,000,000"),
        ('file,class\nP0.png,"cat\n' + "P1.png,dog\n" * 1_600_000, "is a quotation mark missing"),
        ("c," * 30_000 + "\na,1", "holds the pixels themselves"),
        (f"file,class\nP0.png,{'x' * 20_000}\nP1.png,cat\n", "class in list.csv holds whole texts"),
        ("file,\nP0.png,\nP1.png,\n", "must list a file and its class"),
    ],
    ids=range(6),
)
def test_what_a_table_may_cost_is_bounded(text, says, read, monkeypatch):
    monkeypatch.setenv("EXPLORER_INPUT_MEMORY", "2000")
    assert says in refusal(read, text)


@pytest.mark.parametrize("cell", ["inf", "nan", "1e999", "-" + "9" * 5000])
def test_what_is_no_finite_number_is_a_name(cell, read):
    assert set(read(f"file,class\nP0.png,{cell}\nP1.png,1\n").classes) == {cell, "1"}


def test_a_cell_of_several_lines_is_one(read):
    assert read('file,class\nP0.png,"big\ncat"\nP1.png,dog\n').classes == ("big cat", "dog")
