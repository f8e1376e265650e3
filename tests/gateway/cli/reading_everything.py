"""`python reading_everything.py FOLDER COPY RECORD`: every command that reads, in FOLDER and then, as another user, on
the copy of its database that nobody may write.

Prints a line of JSON for each: the command, its exit code in FOLDER, that on the copy, and what it complained of there.
"""

import contextlib
import io
import json
import os
import sys

from gateway.cli import main
from tests.gateway.cli.reading_commands import CHANGING, READING

NOBODY = 65534


def run(folder: str, arguments: list[str]) -> tuple[int, str]:
    """The exit code of the command in `folder`, and what it wrote to standard error."""
    os.chdir(folder)
    complaint = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(complaint):
        code = main(arguments)
    return code, complaint.getvalue()


if __name__ == "__main__":
    here, copy, record = sys.argv[1:]
    commands = [[word.replace("RECORD", record) for word in command.split()] for command in READING]
    # First as it is, so that everything is loaded that another user may not be able to read from the disk.
    first = [run(here, command) for command in commands]
    if os.getuid() == 0:  # the superuser may write anything
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    for command, (code, _) in zip(commands, first, strict=True):
        again, complaint = run(copy, command)
        print(json.dumps([" ".join(command), code, again, complaint]))
    code, complaint = run(copy, CHANGING.split())
    print(json.dumps([CHANGING, 3, code, complaint]))
