"""The picker without a browser: what it sends there, and what it does with what comes back."""

from unittest.mock import Mock

import pytest
from fakes import StillWorker

from explorer.catalog import architectures
from explorer.state.session import Session
from explorer.values import ModelFile, NetworkSpec, NetworkSummary
from explorer.widgets.explore.architecture_picker import LAST_GUIDE, MIB, ArchitecturePicker, short_count

GUIDES = {
    "MusicTaggerCRNN",
    *("Xception", "VGG16", "VGG19", "InceptionV3", "InceptionResNetV2", "MobileNet", "MobileNetV2", "NASNetMobile", "NASNetLarge"),
    *("ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2", "ResNeXt50", "ResNeXt101"),
    *("DenseNet121", "DenseNet169", "DenseNet201"),
}


class StillSession(Session):
    """A session without a worker: what is known is what a test sets, and what is opened is written down."""

    def __init__(self):
        super().__init__(worker=StillWorker(), run_worker=StillWorker())
        self.opened = []
        self.loader.look_for_weights = lambda: self.opened.append("whose weights are here")

    def open(self, source):
        self.opened.append(source)

    def has(self, spec, **facts):
        network = Mock(NetworkSummary)
        network.configure_mock(spec=spec, **{"parameters": 0, "classes": (1000,), "labels": (), "tuned_from": None, "file_size": 0} | facts)
        self.network = network


@pytest.fixture
def picker():
    return ArchitecturePicker(StillSession())


def row(picker, name):
    return next(row for row in picker.rows if row["name"] == name)


def details(picker, name):
    return {label: text for label, text, _link, _address in row(picker, name)["details"]}


def test_every_architecture_is_a_row_in_the_order_of_the_table(picker):
    assert [row["name"] for row in picker.rows] == list(architectures)


def test_a_row_has_its_facts_as_numbers_to_sort_by_and_as_texts(picker):
    vgg = row(picker, "VGG16")
    assert vgg["values"] == {
        "top1": 0.713,
        "top5": 0.901,
        "parameters": 138_357_544,
        "size": architectures["VGG16"].size,
        "depth": 23,
        "year": 2014,
        "input": 224 * 224,
    }
    assert vgg["texts"] == {
        "top1": "71.3 %",
        "top5": "90.1 %",
        "parameters": "138.4 M",
        "size": "528 MB",
        "depth": "23",
        "year": "2014",
        "input": "224 × 224",
    }


def test_a_depth_that_no_guide_gives_is_a_dash_and_no_number(picker):
    resnet = row(picker, "ResNet50")
    assert (resnet["values"]["depth"], resnet["texts"]["depth"]) == (None, "–")
    assert details(picker, "ResNet50")["Depth"] == "Its guide gives none."
    assert details(picker, "VGG16")["Depth"] == "23 layers, as its guide counts them"


def test_accuracy_on_other_data_is_shown_but_not_compared(picker):
    digits = row(picker, "digits")
    assert digits["texts"]["top1"].endswith(" %")
    assert (digits["values"]["top1"], digits["values"]["top5"], digits["texts"]["top5"]) == (None, None, "–")
    assert details(picker, "digits")["Accuracy"].endswith("% on validation digits")


def test_a_search_looks_in_name_family_title_and_authors(picker):
    found = row(picker, "VGG16")["find"]
    assert all(part in found for part in ("VGG16", "Very Deep Convolutional Networks", "Simonyan"))


def test_the_details_give_paper_licence_sizes_and_what_happens_to_pixels(picker):
    paper = architectures["VGG16"].paper
    assert row(picker, "VGG16")["details"][:2] == [
        ["Paper", paper.title, "", ""],
        ["Authors", f"{paper.authors}, 2014.", "arXiv 1409.1556", "https://arxiv.org/abs/1409.1556"],
    ]
    vgg = details(picker, "VGG16")
    assert vgg["Weights"] == f"imagenet; licence {architectures['VGG16'].licence}"
    assert vgg["Input"] == "224 × 224 × 3; at least 32 × 32 without the top"
    assert vgg["Pixels"].startswith("blue, green, red (BGR)")
    assert "from -1 to 1" in details(picker, "MobileNetV2")["Pixels"]
    assert details(picker, "digits")["Pixels"].startswith("one grey channel")


def test_a_network_of_sound_says_what_it_hears(picker):
    tagger = details(picker, "MusicTaggerCRNN")
    assert tagger["Input"] == "29.12 s of sound at 12 kHz, one channel"
    assert tagger["Spectrogram"] == "96 mel bands × 1366 frames, in decibels"
    assert tagger["Accuracy"] == "ROC AUC 0.866 on the Million Song Dataset"
    assert row(picker, "MusicTaggerCRNN")["texts"]["top1"] == "–"
    assert "validation sounds" in details(picker, "timbres")["Accuracy"]


@pytest.mark.parametrize("name", list(architectures))
def test_no_row_lacks_a_detail(picker, name):
    for label, text, link, address in row(picker, name)["details"]:
        assert label
        assert text.strip()
        assert bool(link) == address.startswith("https://arxiv.org/abs/")


def test_the_filters_offer_any_first_and_each_family_once(picker):
    assert all(not pairs[0][0] for pairs in picker.choices.values())
    families = [value for value, _text in picker.choices["family"][1:]]
    assert families == list(dict.fromkeys(row["family"] for row in picker.rows))
    assert [text for _value, text in picker.choices["size"][:2]] == ["Any size", "At most 20 MB"]


def test_the_filter_for_the_guides_lets_through_what_the_guides_list():
    assert {name for name, row in architectures.items() if row.year <= LAST_GUIDE} == GUIDES


def test_what_is_bundled_or_downloaded_is_here(picker):
    assert picker.here == ["digits", "timbres"]
    picker.session.loader.locally_available = frozenset({"VGG16"})
    assert picker.here == [name for name in architectures if name in ("digits", "timbres", "VGG16")]


def test_a_chosen_row_is_opened(picker):
    picker._handle_custom_msg({"open": "VGG16"}, [])  # what the view's JavaScript sends
    assert picker.session.opened == ["VGG16"]


def test_the_loaded_one_and_its_facts_are_shown(picker):
    assert (picker.chosen, picker.summary) == ("", "")
    picker.session.has(NetworkSpec("digits", "digits"), file_size=MIB)
    assert picker.chosen == "digits"
    assert picker.summary.endswith("comes with explorer")
    picker.session.loader.locally_available = frozenset({"VGG16"})
    picker.session.has(NetworkSpec("VGG16", "imagenet"), parameters=138_357_544, file_size=528 * MIB)
    assert picker.chosen == "VGG16"
    assert picker.summary == "138.4 M parameters · top-1 71.3 % on ImageNet · 528 MB, on this machine"


def test_while_another_is_being_loaded_its_facts_are_shown(picker):
    picker.session.has(NetworkSpec("digits", "digits"), file_size=MIB)
    picker.session.loader.loading_spec = NetworkSpec("VGG16", "imagenet")
    assert (picker.chosen, picker.loading) == ("digits", "VGG16")
    assert picker.summary.endswith("528 MB to download")
    picker.session.loader.loading_spec = None  # it could not be had
    assert (picker.chosen, picker.loading) == ("digits", "")
    assert picker.summary.endswith("comes with explorer")


def test_rows_are_sent_once(picker):
    sent = []
    picker.observe(sent.append, ["rows", "choices"])
    picker.session.has(NetworkSpec("VGG16", "imagenet"))
    picker.session.loader.locally_available = frozenset({"VGG16"})
    assert picker.chosen == "VGG16"
    assert sent == []


def test_a_network_beyond_the_table_shows_by_its_name(picker):
    picker.session.has(ModelFile("/models/mine.keras", "1", "mine.keras"), parameters=39_370, classes=(7,), file_size=MIB)
    assert (picker.chosen, picker.summary) == ("mine.keras", "39 k parameters · 7 classes · 1.0 MB, on this machine")
    picker.session.loader.loading_spec = ModelFile("/models/other.keras", "1", "other.keras")
    assert (picker.loading, picker.summary) == ("other.keras", "")


@pytest.mark.parametrize(
    ("options", "summary"),
    [
        ({"weights": None}, "random weights, not trained"),
        ({"alpha": 0.25}, "alpha 0.25 · imagenet weights · 2.0 MB, on this machine"),
        ({"alpha": 0.25, "include_top": False}, "alpha 0.25 · without its top · imagenet weights · 2.0 MB, on this machine"),
        (
            {"weights": None, "alpha": 0.3, "depth_multiplier": 2, "classes": 10, "input_shape": (160, 96, 3)},
            "alpha 0.3 · depth multiplier 2 · 10 classes · input 160 × 96 · random weights, not trained",
        ),
        ({"weights": "/home/me/mine.weights.h5"}, "weights from mine.weights.h5 · 2.0 MB, on this machine"),
        ({"classes": 1000, "input_shape": (224, 224, 3)}, "top-1 70.4 % on ImageNet · 2.0 MB, on this machine"),
    ],
)
def test_the_facts_are_those_of_the_network_that_is_loaded(picker, options, summary):
    spec = NetworkSpec(**{"architecture": "MobileNet", "weights": "imagenet"} | options)
    picker.session.has(spec, parameters=470_072, file_size=2 * MIB if spec.weights else 0)
    assert picker.summary == f"470 k parameters · {summary}"


def test_of_one_on_its_way_only_what_is_known_is_said(picker):
    picker.session.loader.loading_spec = NetworkSpec("MobileNet", "imagenet", alpha=0.25)
    assert picker.summary == "alpha 0.25 · imagenet weights"
    picker.session.loader.loading_spec = NetworkSpec("VGG16", "imagenet", include_top=False)
    assert picker.summary == "without its top · imagenet weights · 56 MB"
    picker.session.loader.loading_spec = NetworkSpec("MobileNet", None)
    assert picker.summary == "random weights, not trained"


def test_a_tuned_network_says_what_it_was_tuned_from_and_on_and_what_its_classes_are(picker):
    tuned = ModelFile("/runs/x/tuned.keras", "1", "tuned.keras")
    names = "daisy", "red_rose", "tulip"
    picker.session.has(tuned, parameters=2_300_000, classes=(3,), labels=names, tuned_from=("MobileNetV2", "flowers"))
    assert picker.summary == "2.3 M parameters · MobileNetV2 fine-tuned on flowers · 3 classes: daisy, red rose, tulip"
    picker.session.has(tuned, parameters=2_300_000, classes=(5,), labels=tuple("abcde"), tuned_from=("MobileNetV2", ""))
    assert picker.summary == "2.3 M parameters · MobileNetV2 fine-tuned · 5 classes: a, b, c, d, …"


def test_weights_that_were_loaded_since_take_the_place_of_the_accuracy(picker):
    picker.session.has(NetworkSpec("VGG16", "imagenet"), parameters=138_357_544, file_size=528 * MIB)
    picker.session.weights_from = "mine.h5"
    assert picker.summary == "138.4 M parameters · weights from mine.h5"


def test_whose_weights_are_here_is_looked_up_when_the_list_is_opened(picker):
    picker._handle_custom_msg({"look": True}, [])
    assert picker.session.opened == ["whose weights are here"]


def test_a_picker_alone_offers_no_chart(picker):
    assert picker.chart is None


@pytest.mark.parametrize(
    ("number", "text"), [(812, "812"), (1000, "1 k"), (39_370, "39 k"), (3_538_984, "3.5 M"), (350_196_968, "350.2 M")]
)
def test_counts_are_short(number, text):
    assert short_count(number) == text
