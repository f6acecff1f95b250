#!/usr/bin/python3
"""Pictures a second of the image pipeline, of keras_preprocessing and of torchvision, in turns.

  PYTHONPATH=<keras_preprocessing 1.1.0> /usr/bin/python3 bench/images.py FOLDER [--rounds 5]
                                                        [--jobs decode,nearest,...]

FOLDER holds class folders of JPEG photographs. Each becomes 150 x 150 x 3 floats with the
augmentation of the book (rotation 40, shifts .2, shear .2, zoom .2, horizontal flip, rescale
1/255), in batches of 20. Processor time (user and system, of the process and its children) is the
best of the rounds; so is wall time, for which the machine must be idle.

Needs Debian's python3-torchvision, python3-scipy and libjpeg-dev, and keras_preprocessing 1.1.0:
  pip download --no-deps keras_preprocessing==1.1.0 && unzip -d FOLDER *.whl
"""
import argparse
import glob
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE, BATCH = 150, 20
# job, workers
JOBS = [("decode", 1), ("nearest", 1), ("bilinear", 1), ("cached", 1), ("stored", 1),
        ("nearest", 2), ("bilinear", 2), ("cached", 2),
        ("keras-nearest", 1), ("keras-bilinear", 1), ("torch", 0), ("torch", 2)]


class Runner:
    """A child that answers "job workers passes" with processor and wall seconds a picture."""

    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, job, workers, passes):
        self.child.stdin.write(f"{job} {workers} {passes}\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            sys.exit(f"{self.child.args[0]} ended; exit status {self.child.wait()}")
        return [1e3 * float(field) for field in line.split()]


def build(folder):
    """Our side, compiled as R compiles it."""
    source = os.path.join(HERE, "..", "src")
    include = subprocess.run(
        ["Rscript", "--vanilla", "-e", "cat(system.file('include', package = 'RcppParallel'))"],
        capture_output=True, text=True, check=True).stdout
    files = glob.glob(source + "/image/*.cpp") + glob.glob(source + "/rt/*.cpp")
    files += [source + "/data/batch.cpp", source + "/exec/memory.cpp", HERE + "/images.cpp"]

    def compile_one(file):
        out = os.path.join(folder, os.path.basename(file) + ".o")
        subprocess.run(["g++", "-std=gnu++17", "-O2", "-fpic", "-I" + source, "-isystem", include,
                        "-c", file, "-o", out], check=True)
        return out

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, files))
    program = os.path.join(folder, "images")
    subprocess.run(["g++", *objects, "-ltbb", "-ljpeg", "-lpng", "-lpthread", "-o", program],
                   check=True)
    return program


def answer_as_peer(folder, library):
    """The child's side: keras_preprocessing or torchvision."""
    if library == "keras":
        import warnings
        warnings.filterwarnings("ignore")
        from keras_preprocessing.image import ImageDataGenerator
        generator = ImageDataGenerator(
            rotation_range=40, width_shift_range=.2, height_shift_range=.2, shear_range=.2,
            zoom_range=.2, horizontal_flip=True, rescale=1 / 255)

        def run(job, workers, passes):
            flow = generator.flow_from_directory(
                folder, (SIZE, SIZE), batch_size=BATCH, interpolation=job.split("-")[1])
            start_timing()
            for _ in range(passes * len(flow)):
                next(flow)
            return passes * flow.n
    else:
        import torch
        from torchvision import datasets, transforms
        torch.set_num_threads(1)
        data = datasets.ImageFolder(folder, transforms.Compose([
            transforms.Resize((SIZE, SIZE), transforms.InterpolationMode.NEAREST),
            transforms.RandomAffine(40, (.2, .2), (.8, 1.2), 0.2,
                                    interpolation=transforms.InterpolationMode.BILINEAR),
            transforms.RandomHorizontalFlip(), transforms.ToTensor()]))

        def run(job, workers, passes):
            start_timing()
            # One long pass, so that starting the workers counts for little.
            several = torch.utils.data.ConcatDataset([data] * passes)
            for _ in torch.utils.data.DataLoader(several, BATCH, shuffle=True, num_workers=workers):
                pass
            return passes * len(data)

    def processor_seconds():
        usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in usage)

    started = []

    def start_timing():
        started[:] = [processor_seconds(), time.monotonic()]

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print
    for line in sys.stdin:
        job, workers, passes = line.split()
        pictures = run(job, int(workers), int(passes))
        print((processor_seconds() - started[0]) / pictures, (time.monotonic() - started[1]) / pictures,
              file=answers, flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", default="")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return answer_as_peer(arguments.folder, arguments.peer)

    scratch = tempfile.TemporaryDirectory()
    own = build(scratch.name)
    peer = [sys.executable, os.path.abspath(__file__), arguments.folder, "--peer"]
    wanted = [job for job in JOBS if not arguments.jobs or job[0] in arguments.jobs.split(",")]
    runners = {"": Runner([own, arguments.folder, scratch.name])}
    for library in ("keras", "torch"):
        if any(job.startswith(library) for job, _ in wanted):
            runners[library] = Runner(peer + [library])
    passes = {"cached": 20, "stored": 20, "torch": 4}
    best = {}
    for turn in range(arguments.rounds):
        for job, workers in wanted:
            library = job.split("-")[0]
            took = runners.get(library, runners[""]).ask(job, workers, passes.get(job, 2))
            best[job, workers] = [min(a, b) for a, b in zip(took, best.get((job, workers), took))]

    decode = best.get(("decode", 1), [float("nan")])[0]
    keras = best.get(("keras-nearest", 1), [float("nan")])[0]
    print("job             workers  cpu ms  wall ms  per core/s  - decode  / decode  keras / it")
    for (job, workers), (cpu, wall) in best.items():
        print(f"{job:15} {workers:7}  {cpu:6.3f}  {wall:7.3f}  {1e3 / cpu:10.0f}  {cpu - decode:8.3f}"
              f"  {cpu / decode:8.2f}  {keras / cpu:10.1f}")


if __name__ == "__main__":
    main()
