"""Runs: trainings in processes of their own, each with a folder that tells everything about it, whoever asks and whenever."""

from explorer.runs.control import ask_to_stop, delete, kill, resume, start
from explorer.runs.reader import pulse, record, records, result, steps
from explorer.runs.store import HOME, check_room, create, file, folder, home, keep_data, named, of_command, on_one_disk
from explorer.runs.visibility import ALL_RUNS, are_all_listed

__all__ = [
    "ALL_RUNS",
    "HOME",
    "are_all_listed",
    "ask_to_stop",
    "check_room",
    "create",
    "delete",
    "file",
    "folder",
    "resume",
    "home",
    "keep_data",
    "kill",
    "named",
    "of_command",
    "on_one_disk",
    "pulse",
    "record",
    "records",
    "result",
    "start",
    "steps",
]
