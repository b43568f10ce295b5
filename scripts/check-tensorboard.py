"""Reads the event files of a run with TensorBoard's own reader, and compares every number with metrics.jsonl.

    pip install tensorboard
    python scripts/check-tensorboard.py runs/sft

The run was made with `--report-to tensorboard`. Numbers are compared as float32, which event files hold.
"""

import json
import math
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def read_events(folder):
    """{(tag, step): value} of one stage; a step that stands twice is an error."""
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0})
    accumulator.Reload()
    found = {}
    for tag in accumulator.Tags()["scalars"]:
        for event in accumulator.Scalars(tag):
            assert (tag, event.step) not in found, f"{folder.name}: {tag} stands twice at step {event.step}"
            found[tag, event.step] = event.value
    return found


def main(run):
    expected = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        stage, step = record.pop("stage"), record.pop("step")
        for name, value in record.items():
            expected.setdefault(stage, {})[name, step] = math.nan if value is None else float32(value)
    differences = 0
    for stage, values in expected.items():
        found = read_events(run / "tensorboard" / stage)
        for key in sorted(values.keys() | found.keys()):
            wanted, read = values.get(key), found.get(key)
            same = wanted == read or (wanted is not None and read is not None and wanted != wanted and read != read)
            if not same:
                differences += 1
                print(f"{stage} {key[0]} at step {key[1]}: metrics.jsonl {wanted}, event file {read}")
        print(f"{stage}: {len(found)} values of {len({tag for tag, _ in found})} metrics")
    print("equal" if differences == 0 else f"{differences} differences")
    return 0 if differences == 0 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
