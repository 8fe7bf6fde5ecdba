import pytest
from messages import says

from explorer.catalog import architectures
from explorer.catalog.options import spec
from explorer.widgets.explore.network_options import NetworkOptionsView

COMMON = ["weights", "include_top", "pooling", "height", "width", "classes"]


@pytest.fixture
def view(session):
    return NetworkOptionsView(session)


def chosen(view, **changed):
    """Return the form's texts, as the browser sends them, with some changed."""
    return {field["name"]: field["value"] for field in view.fields} | changed


def build(view, **changed):
    says(view, {"chosen": chosen(view, **changed), "build": True})


def check(view, **changed):
    says(view, {"chosen": chosen(view, **changed)})


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("VGG16", ["data_format"]),
        ("MobileNet", ["alpha", "depth_multiplier", "dropout", "data_format"]),
        ("MobileNetV2", ["alpha", "data_format"]),
        ("DenseNet121", []),
    ],
)
def test_each_architecture_has_the_fields_that_make_sense_for_it(view, session, name, own):
    session.open(name)
    assert [field["name"] for field in view.fields] == COMMON + own
    assert all(field["label"] and field["about"] for field in view.fields)


@pytest.mark.parametrize("name", list(architectures))
def test_the_form_of_each_architecture_builds_what_is_loaded_where_nothing_is_changed(view, session, name):
    session.open(name)
    assert view.problem == ""
    before = session.network.spec
    build(view)
    assert (session.network.spec, session.error_message) == (before, "")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("VGG16", {"weights": None, "classes": 7, "input_shape": (64, 48, 3)}),
        ("MobileNet", {"weights": None, "alpha": 0.3, "depth_multiplier": 2, "dropout": 0.5}),
        ("MobileNetV2", {"include_top": False, "pooling": "avg", "alpha": 0.75}),
        ("ResNet50", {"data_format": "channels_first", "include_top": False, "input_shape": (3, 160, 192)}),
        ("VGG16", {"weights": None, "classes": 12_345_678}),
    ],
    ids=str,
)
def test_the_form_says_what_is_loaded_and_builds_it_again(view, session, name, options):
    wanted = spec(name, **options)
    session.open(name, **options)
    build(view)
    assert (session.network.spec, session.error_message, view.problem) == (wanted, "", "")


@pytest.mark.parametrize(
    ("name", "changed", "options"),
    [
        ("VGG16", {"weights": "none", "classes": "7"}, {"weights": None, "classes": 7}),
        ("VGG16", {"include_top": "no", "pooling": "max"}, {"include_top": False, "pooling": "max"}),
        ("VGG16", {"include_top": "no", "height": " 64 ", "width": "96"}, {"include_top": False, "input_shape": (64, 96, 3)}),
        (
            "VGG16",
            {"include_top": "no", "height": "64", "data_format": "channels_first"},
            {"include_top": False, "input_shape": (3, 64, 224), "data_format": "channels_first"},
        ),
        ("MobileNet", {"alpha": "0.25"}, {"alpha": 0.25}),
        (
            "MobileNet",
            {"weights": "none", "dropout": "0.2", "depth_multiplier": "3"},
            {"weights": None, "dropout": 0.2, "depth_multiplier": 3},
        ),
        ("MobileNet", {"alpha": "", "classes": "", "height": ""}, {}),
    ],
    ids=str,
)
def test_what_is_chosen_is_built(view, session, name, changed, options):
    session.open(name)
    build(view, **changed)
    assert session.error_message == ""
    assert session.network.spec == spec(name, **options)


@pytest.mark.parametrize(
    ("name", "changed", "says_why"),
    [
        ("VGG16", {"pooling": "avg"}, "pooling only counts with include_top=False"),
        ("VGG16", {"height": "64"}, "VGG16 has imagenet weights for 224 pixels a side, not 64 x 224"),
        ("VGG16", {"weights": "none", "include_top": "no", "height": "8"}, "at least 32 x 32"),
        ("VGG16", {"classes": "7"}, "use weights=None"),
        ("VGG16", {"weights": "none", "classes": "0"}, "classes must be a whole number of 1 or more"),
        ("VGG16", {"weights": "none", "classes": "seven"}, "seven is no number"),
        ("VGG16", {"height": "1e3"}, "Height and width are whole numbers of pixels"),
        ("VGG16", {"width": "-5"}, "input_shape must be three whole numbers"),
        ("VGG16", {"include_top": "no", "classes": "7"}, "classes only counts with include_top=True"),
        ("MobileNet", {"alpha": "0.3"}, "it has them for 0.25, 0.5, 0.75, 1"),
        ("MobileNet", {"alpha": "nan"}, "alpha must be a number"),
        ("MobileNet", {"depth_multiplier": "2"}, "depth_multiplier=1 only"),
        ("MobileNet", {"depth_multiplier": "1.5"}, "1.5 is no number"),
        ("MobileNet", {"dropout": "1"}, "dropout must be a number"),
        ("VGG16", {"pooling": "mean"}, "pooling must be 'avg', 'max' or None"),
        ("VGG16", {"weights": "gone.h5"}, "There is no weights file gone.h5"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_said_while_it_is_chosen_and_not_built(view, session, name, changed, says_why):
    session.open(name)
    before = session.network
    check(view, **changed)
    assert says_why in view.problem
    assert (view.outlook, session.error_message) == ("", "")
    build(view, **changed)
    assert says_why in session.error_message
    assert session.network is before
    check(view)
    assert view.problem == ""


def test_what_building_takes_is_said_beforehand(view, session):
    session.open("VGG16")
    assert view.outlook == "Weights: vgg16_weights_tf_dim_ordering_tf_kernels.h5, 528 MB."
    check(view, include_top="no")
    assert view.outlook == "Weights: vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5, 56 MB."
    check(view, weights="none")
    assert view.outlook == "Nothing to download: it starts from random weights."


def test_what_a_network_reads_answers_and_weighs_is_said(view):
    assert view.result == "digits reads 12 × 16 × 3, answers 4; 164 parameters, 1 kB of weights."


def test_a_file_of_weights_is_among_the_choices_and_stays_chosen(view, session, tmp_path):
    file = tmp_path / "mine.weights.h5"
    file.write_bytes(b"weights")
    session.open("VGG16", weights=file)
    weights = view.fields[0]
    assert (weights["value"], weights["choices"][-1]) == (str(file), [str(file), "mine.weights.h5"])
    assert view.outlook == f"Weights: {file}."
    build(view, include_top="no")
    assert session.network.spec == spec("VGG16", file, include_top=False)
    build(view, weights="")
    assert session.network.spec == spec("VGG16", include_top=False)
    assert len(view.fields[0]["choices"]) == 2


def test_the_form_goes_back_to_the_usual_options(view, session):
    session.open("MobileNet", weights=None, alpha=0.5)
    says(view, {"reset": True})
    assert session.network.spec == spec("MobileNet")
    assert next(field["value"] for field in view.fields if field["name"] == "alpha") == "1"


def test_a_build_that_fails_leaves_the_form_as_it_was(view, session, backend):
    session.open("VGG16")
    backend.missing = ("VGG16",)
    fields = view.fields
    build(view, weights="none", classes="7")
    assert session.error_message == "The weights are not here."
    assert view.fields == fields


def test_a_model_of_the_users_own_has_no_options(view, session):
    session.register_live_model(type("Model", (), {"name": "mine"})())
    assert (view.fields, view.problem, view.outlook) == ([], "", "")
    assert view.result.startswith("mine reads 12 × 16 × 3")
    says(view, {"reset": True})
    build(view, alpha="0.5")
    assert (session.network.spec.name, session.error_message) == ("mine", "")


def test_what_was_chosen_for_another_architecture_is_refused(view, session):
    session.open("VGG16")
    build(view, alpha="0.5")
    assert "VGG16 takes no alpha" in session.error_message
