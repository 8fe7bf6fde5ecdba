"""What tests change in Keras where Keras offers no way: all such names are in this file. Import it once KERAS_HOME is set."""

from explorer.backend.runtime.keras import keras


def set_home(monkeypatch, folder):
    """Set the folder that Keras has read from KERAS_HOME when it was imported."""
    monkeypatch.setattr(keras.src.backend.config, "_KERAS_DIR", str(folder))
    monkeypatch.setattr(keras.src.applications.imagenet_utils, "CLASS_INDEX", None)  # where Keras keeps the class names it has read


def home():
    """Return the folder that Keras keeps its files in."""
    return keras.src.backend.config.keras_home()


def replace_downloads(monkeypatch, get_file):
    """Let keras.applications ask `get_file` for weights."""
    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", get_file)


def safe_mode():
    """Return the switch of Keras's safe mode: None unless somebody has set it."""
    return keras.src.backend.common.global_state.get_global_attribute("safe_mode_saving")


def unset_safe_mode():
    """Put the switch of Keras's safe mode back."""
    keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


def uses_of(layer):
    """Return how many inbound and outbound nodes a layer has: one each for every use in any model."""
    return len(layer._inbound_nodes), len(layer._outbound_nodes)
