"""What a view's JavaScript would send, and hear; and how its pictures are read."""

import io

import numpy as np
from PIL import Image


def says(view, message, *buffers):
    """Send what the view's JavaScript would send."""
    view._handle_custom_msg(message, [memoryview(buffer) for buffer in buffers])


def sent(view):
    """Return the list that the view's messages to JavaScript are put into."""
    messages = []
    view.send = lambda content, buffers=None: messages.append(content)
    return messages


def upload(view, data, name, upload="u", **more):
    """Send a small file, and what more is said with it, as the view's JavaScript would."""
    says(view, {"upload": upload, "part": 0, "count": 1, "size": len(data), "name": name, **more}, data)


def palette(png):
    """Return the palette entries of a drawn map."""
    image = Image.open(io.BytesIO(png))
    assert image.mode == "P"
    return np.asarray(image)
