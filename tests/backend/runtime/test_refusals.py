import pytest

from explorer.backend.runtime.refusals import refusing, within_memory
from explorer.errors import ExplorerError, UnreadableExample, UnreadableModel

SENTENCE = "{name} is damaged: {why}."


def refused(error):
    with pytest.raises(UnreadableModel) as caught, refusing(UnreadableModel, SENTENCE, "a.h5"):
        raise error
    return str(caught.value)


def test_what_a_library_raises_becomes_one_sentence():
    assert refused(OSError("bad checksum.")) == "a.h5 is damaged: bad checksum."


@pytest.mark.parametrize("error", [AttributeError("'NoneType' object has no attribute 'pop'"), KeyError("x"), RecursionError("depth")])
def test_what_python_says_of_code_is_not_passed_on(error):
    assert refused(error) == "a.h5 is damaged: its content makes no sense."


def test_the_inner_life_of_tensorflow_is_left_out():
    text = "Exception encountered when calling Pad.call().\n\n\x1b[1mPaddings must not be negative for '{{node a/Pad}} = Pad[T=DT_FLOAT]'"
    assert refused(ValueError(f"{text}\n\nArguments received by Pad.call():\n  • x=1")) == "a.h5 is damaged: Paddings must not be negative."
    text = "{{function_node __wrapped__Reshape_device_/job:localhost}} Input to reshape is empty [[{{node x}}]] [Op:Reshape]"
    assert refused(ValueError(text)) == "a.h5 is damaged: Input to reshape is empty."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dense.__init__() got an unexpected keyword argument 'units2'", "a Dense has the setting 'units2', which is not known here"),
        ("Dense.__init__() missing 1 required positional argument: 'units'", "a Dense lacks the setting 'units'"),
        ("Could not read. Exception encountered: 'dict' object has no attribute 'lower'", "its content makes no sense"),
        ("Expected a number. Received: nan", "its content makes no sense"),
        ("Expected a file, got '/var/tmp/explorer-x7f_2/model.keras'", "Expected a file, got 'model.keras'"),
    ],
)
def test_what_a_library_says_in_terms_of_python_is_said_in_words(text, said):
    assert refused(TypeError(text)) == f"a.h5 is damaged: {said}."


@pytest.mark.parametrize("error", [MemoryError(), ValueError("std::bad_alloc")])
def test_out_of_memory_is_called_that(error):
    if not isinstance(error, MemoryError):
        error.__cause__ = MemoryError()
    assert refused(error) == "a.h5 takes more memory than there is; use a smaller one, or free some memory."


def test_a_sentence_of_ours_passes_as_it_is():
    with pytest.raises(UnreadableExample, match="It is empty"), refusing(UnreadableModel, SENTENCE, "a.h5"):
        raise UnreadableExample("It is empty")


def test_a_sentence_of_ours_passes_though_a_library_put_it_into_an_error_of_its_own():
    wrapped = TypeError("Could not deserialize Dense using config={...}")
    wrapped.__context__ = UnreadableExample("It is empty")
    with pytest.raises(UnreadableExample, match="It is empty"), refusing(UnreadableModel, SENTENCE, "a.h5"):
        raise wrapped


def test_what_is_called_from_python_says_that_memory_does_not_suffice():
    with pytest.raises(ExplorerError, match="There is not enough memory for this"), within_memory():
        raise ValueError("in a library") from MemoryError()


def test_other_errors_and_sentences_pass_as_they_are():
    with pytest.raises(TypeError, match="a mistake"), within_memory():
        raise TypeError("a mistake")
    with pytest.raises(UnreadableExample, match="It is empty"), within_memory():
        raise UnreadableExample("It is empty")
