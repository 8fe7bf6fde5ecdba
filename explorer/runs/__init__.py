"""Runs: trainings in their own processes, each with a folder that any process can read at any time."""

from explorer.runs.control import ask_to_stop, delete, kill, resume, start
from explorer.runs.reader import pulse, record, records, result, steps
from explorer.runs.store import HOME, check_room, create, file, find_key, folder, home, is_on_same_disk, is_started_by_command, keep_data
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
    "find_key",
    "folder",
    "home",
    "is_on_same_disk",
    "is_started_by_command",
    "keep_data",
    "kill",
    "pulse",
    "record",
    "records",
    "result",
    "resume",
    "start",
    "steps",
]
