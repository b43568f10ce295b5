"""PyTorch's side of the bench: one JSON object a line in, one a line out.

The first request with given parameters makes the item and runs it for `warmup` seconds, untimed; every request then runs
it for `turn` seconds, once at least, and tells the mean of a run. {"work": "about"} tells what this side is; a failure answers {"work", "error"}.
"""
import gc
import json
import os
import sys
import time

# Keep freed memory in the process, on huge pages: torch otherwise pays for fresh zeroed pages at every step.
TUNED_ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


def settings(arguments):
    """Environment of the process: threads, no network, allocator."""
    wanted = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    if "threads" in arguments:
        wanted["OMP_NUM_THREADS"] = str(arguments["threads"])
    if arguments.get("allocator", "tuned") == "tuned":
        wanted.update(TUNED_ALLOCATOR)
    return wanted


ARGUMENTS = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
if __name__ == "__main__":
    missing = {name: value for name, value in settings(ARGUMENTS).items() if os.environ.get(name) != value}
    if missing:  # These are read as a process starts, so start again.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **missing})

import torch

import peaks
import ppo
import rewarding
import sampling
import scoring
import starting
import trainers
import training

PARTS = (training, scoring, sampling, rewarding, ppo, trainers, starting, peaks)
MAKERS = {name: maker for part in PARTS for name, maker in part.MAKERS.items()}


def status_mb(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


def reset_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


class Memory:
    """Resident memory; without /proc the peak is that of the whole process."""

    def __init__(self):
        self.has_status = os.path.exists("/proc/self/status")

    def begin(self):
        if self.has_status:
            reset_peak()
            return status_mb("VmRSS")
        return 0.0

    def peak(self):
        if self.has_status:
            return status_mb("VmHWM")
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Worker:
    def __init__(self):
        self.items = {}
        self.memory = Memory()

    def item(self, request):
        key = json.dumps(request, sort_keys=True)
        if key not in self.items:
            name = request["work"]
            if name not in MAKERS:
                raise ValueError(f"unknown work {name}; known: {', '.join(sorted(MAKERS))}")
            run = MAKERS[name]({k: v for k, v in request.items() if k not in ("work", "warmup", "turn")})
            warm = time.perf_counter() + request.get("warmup", 2)
            while time.perf_counter() < warm:
                run()
            gc.collect()
            self.items[key] = run
        return self.items[key]

    def measure(self, request):
        run = self.item(request)
        base = self.memory.begin()
        processor, begin = time.process_time(), time.perf_counter()
        results = []
        while not results or time.perf_counter() - begin < request.get("turn", 0):
            results.append(run())
        ms = 1e3 * (time.perf_counter() - begin) / len(results)
        cpu_ms = 1e3 * (time.process_time() - processor) / len(results)
        # Trainers know better when their work began.
        own = [result["ms"] for result in results if "ms" in result]
        return {"work": request["work"], **results[-1], "ms": sum(own) / len(own) if own else ms, "cpu_ms": cpu_ms,
                "peak_mb": self.memory.peak(), "base_mb": base, "load": os.getloadavg()[0]}


def installed_mb(names):
    """Size on disk of distributions with all that they require, as installed here."""
    import importlib.metadata
    import re

    found, waiting, size = set(), list(names), 0
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # For another platform.
        paths = [file.locate() for file in distribution.files or []]
        size += sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
        waiting += [re.match(r"[\w.-]+", line)[0] for line in distribution.requires or [] if "extra ==" not in line]
    return size / 2**20


def version_of(name):
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def about():
    import transformers

    return {"work": "about",
            "versions": {"python": sys.version.split()[0], "torch": torch.__version__,
                         "transformers": transformers.__version__, "trl": version_of("trl")},
            "threads": torch.get_num_threads(),
            "allocator": "tuned" if os.environ.get("MALLOC_MMAP_MAX_") == "0" else "stock",
            "installed_mb": installed_mb(["torch", "transformers", "trl"])}


def answer(worker, line):
    request = json.loads(line)
    try:
        return about() if request["work"] == "about" else worker.measure(request)
    except Exception as error:
        return {"work": request["work"], "error": f"{type(error).__name__}: {error}"}


def main():
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # Libraries that print must not reach the protocol.
    if "threads" in ARGUMENTS:
        torch.set_num_threads(ARGUMENTS["threads"])
    worker = Worker()
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(answer(worker, line)), file=out)


if __name__ == "__main__":
    main()
