import pytest

from explorer import errors
from explorer.errors import DownloadNeeded, ExplorerError, UnknownName, WeightsUnavailable, near

REFUSALS = [name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, ExplorerError)]


@pytest.mark.parametrize("name", REFUSALS)
def test_every_refusal_is_a_value_error_that_says_its_sentence_as_it_is(name):
    refusal = getattr(errors, name)("It's not there.")
    assert isinstance(refusal, ExplorerError)
    assert isinstance(refusal, ValueError)
    assert str(refusal) == "It's not there."


def test_there_is_a_refusal_for_each_thing_that_can_be_wrong():
    assert {
        "UnreadableExample",
        "UnknownName",
        "WeightsUnavailable",
        "DownloadNeeded",
        "UnreadableModel",
        "Cancelled",
        "BackendMissing",
    } < {*REFUSALS}


def test_weights_that_nobody_has_asked_to_download_are_weights_that_are_not_here():
    with pytest.raises(WeightsUnavailable):
        raise DownloadNeeded("VGG16 is not on this machine.")


def test_an_unknown_name_is_also_a_key_error():
    with pytest.raises(KeyError):
        raise UnknownName("There is no such layer.")


def test_near_names_are_suggested_nearest_first_whatever_their_case():
    assert near("mobilenetv2", ["VGG16", "MobileNet", "MobileNetV2"]) == " Did you mean MobileNetV2 or MobileNet?"


def test_nothing_is_suggested_when_nothing_is_near():
    assert near("zzz", ["VGG16", "digits"]) == ""
    assert near("VGG", []) == ""
