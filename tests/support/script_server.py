"""Runs exported scripts one after the other, where there is no explorer: TensorFlow is imported once for all of them.

Each line on stdin names a folder; each line on stdout is JSON: what its script has printed, what went to stderr, and how it failed.
"""

import contextlib
import io
import json
import os
import runpy
import sys
import traceback
import warnings

sys.modules["explorer"] = None  # an import of it fails

import keras  # noqa: E402  # only now


def answer(folder):
    """Run the script in a folder as Python would run it there."""
    os.chdir(folder)
    keras.utils.clear_session()  # of what the script before it has made, and has set
    keras.config.set_image_data_format("channels_last")
    out, err, failure = io.StringIO(), io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("always")  # not only in the first script
            runpy.run_path("fine_tune.py", run_name="__main__")
    except BaseException:  # whatever it is, the test says it
        failure = traceback.format_exc()
    return {"out": out.getvalue(), "err": err.getvalue(), "failure": failure}


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
