"""Time from the start of a command to its end, each in a new process."""
import os
import subprocess
import sys
from pathlib import Path


def command_runner(*command):
    def run():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "HF_HUB_OFFLINE": "1"})
        return {"tokens": 0}

    return run


def trl_help(_):
    return command_runner(str(Path(sys.executable).parent / "trl"), "--help")


MAKERS = {"trl_help": trl_help}
