#!/usr/bin/env python3
"""Plants bugs in the GPU plugin and asserts that the emulation's tests find each of them.

  python3 tests/cuda/planted/run.py             all of bugs.py
  python3 tests/cuda/planted/run.py NAME ...    those whose names contain one of the texts

A bug is a replacement of text in one source. That source goes into a folder of its own, the one
object that shows the bug is compiled anew, linked with the others, and run by the program, the
tests and the mode that the bug names. Without bugs the same runs must find nothing. Fails if a
bug does not show as it says, or if its text is not in the source exactly once.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from bugs import BUGS  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
SRC = ROOT / "src"
OUT = ROOT / "build/cuda-planted"
NATIVE = ROOT / "build/native/plain"
EMULATION = ROOT / "build/cuda-emulation/lib"
SHARED = ["graph/attrs.cpp", "graph/fused.cpp", "graph/recurrence.cpp", "backend/window.cpp"]
WITHOUT = ["backend/cuda/convolution_none.cpp"]
WORKERS = 2
SECONDS = 120  # a run takes no longer

MODES = {
    "lazy": {},
    "odd": {"CUDA_EMULATION_EAGER": "odd"},
    "reverse": {"CUDA_EMULATION_ORDER": "reverse"},
    "races": {"CUDA_EMULATION_RACES": "1"},
    "blocks": {"CUDA_EMULATION_BLOCKS": "3"},
}


def find_nvcc():
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    candidates = [f"{home}/bin/nvcc" for home in homes if home] + [shutil.which("nvcc")]
    return next((c for c in candidates if c and os.access(c, os.X_OK)), None)


NVCC = find_nvcc()
CUDA = pathlib.Path(NVCC).resolve().parents[1] if NVCC else None
CCACHE = ["ccache"] if shutil.which("ccache") else []
os.environ["CCACHE_NOHASHDIR"] = "1"


class Failure(Exception):
    pass


def must(command, what):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failure(f"{what}:\n{done.stdout[-3000:]}")


def compile_object(source, folders, to):
    """PTX is all that the emulation reads, so nothing else is made."""
    to.parent.mkdir(parents=True, exist_ok=True)
    includes = [f"-I{folder}" for folder in folders]
    common = ["-std=c++17", "-O1", *includes, "-c", str(source), "-o", str(to)]
    if source.suffix == ".cu":
        command = [NVCC, "-gencode", "arch=compute_75,code=compute_75", "-Xcompiler", "-fPIC,-w", "-w", *common]
    else:
        command = ["g++", "-fPIC", "-w", f"-I{CUDA}/include", *common]
    must(CCACHE + command, f"{source} does not compile")


def link_plugin(objects, to):
    libraries = ["-lcudart", "-lcublas", "-lcudnn"]
    must(["g++", "-shared", "-Wl,-z,defs", *map(str, objects), f"-L{CUDA}/lib64", *libraries, "-o", str(to)],
         f"{to} does not link")


def object_of(source):
    return OUT / "objects" / (source + ".o")


def plugin_sources():
    own = [str(p.relative_to(SRC)) for p in (SRC / "backend/cuda").iterdir() if p.suffix in (".cu", ".cpp")]
    return sorted(set(own) - set(WITHOUT)) + SHARED


def build_all(pool):
    must(["make", "-s", "-j", str(WORKERS), "-C", "tests/cuda-emulation", "libraries"], "the emulation")
    must(["make", "-s", "-j", str(WORKERS), "-C", "tests/native", "VARIANT=plain", "programs",
          "TESTS=test_device test_self_test"], "the test programs")
    newest_header = max(p.stat().st_mtime for p in SRC.rglob("*.h"))

    def build(source):
        to = object_of(source)
        needed = max(newest_header, (SRC / source).stat().st_mtime)
        if not to.exists() or to.stat().st_mtime < needed:
            compile_object(SRC / source, [SRC], to)

    list(pool.map(build, plugin_sources()))
    link_plugin([object_of(s) for s in plugin_sources()], OUT / "hornet_cuda.so")


def plant(bug, folder):
    """The plugin and the folder of the programs to run it with, one of them spoiled."""
    text = (SRC / bug.file).read_text()
    count = text.count(bug.old)
    if count != 1:
        raise Failure(f"the text to replace is {count} times in src/{bug.file}; it must be there once")
    spoiled = folder / bug.file
    spoiled.parent.mkdir(parents=True, exist_ok=True)
    spoiled.write_text(text.replace(bug.old, bug.new))
    source = folder / bug.unit
    if not source.exists():
        source = SRC / bug.unit
    new = folder / "spoiled.o"
    compile_object(source, [folder, SRC], new)
    if bug.unit in plugin_sources():
        plugin = folder / "hornet_cuda.so"
        link_plugin([new if s == bug.unit else object_of(s) for s in plugin_sources()], plugin)
        return plugin, NATIVE
    # The archive's object of the same source is not looked at any more.
    must(["g++", str(NATIVE / f"tests/{bug.program}.o"), str(new), str(NATIVE / "libcore.a"), "-ltbb", "-ljpeg",
          "-lpng", "-lpthread", "-o", str(folder / bug.program)], "the test program does not link")
    return OUT / "hornet_cuda.so", folder


def run(bug, plugin, programs, folder):
    """What happened: "signal", "time-out", "wrong value" or "", and the findings."""
    report = folder / "findings"
    report.write_text("")
    environment = dict(os.environ, LD_LIBRARY_PATH=str(EMULATION), HORNET_CUDA_PLUGIN=str(plugin),
                       HORNET_TESTS=bug.tests, CUDA_EMULATION_REPORT=str(report),
                       CUDA_EMULATION_DEVICES=str(bug.devices), **MODES[bug.mode])
    with open(folder / "output", "w") as output:
        try:
            status = subprocess.run([str(programs / bug.program)], env=environment, stdout=output,
                                    stderr=subprocess.STDOUT, timeout=bug.seconds or SECONDS).returncode
        except subprocess.TimeoutExpired:
            return "time-out", report.read_text()
    said = (folder / "output").read_text()
    if status == 0 and " 0 failed" in said and not said.startswith("0 checks"):
        return "", report.read_text()
    if status < 0:
        return "signal", report.read_text()
    return "wrong value", report.read_text()


def shows(bug, outcome, findings):
    if bug.shows in ("signal", "time-out", "wrong value"):
        return outcome == bug.shows
    return f"[cuda emulation] {bug.shows}" in findings


def kinds(outcome, findings):
    return ", ".join(filter(None, [outcome, *sorted(set(re.findall(r"\[cuda emulation\] ([a-z-]+):", findings)))]))


def fresh(name):
    folder = OUT / "runs" / re.sub(r"\W+", "-", name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def try_control(bug):
    name = f"{bug.program}, {bug.tests}, {bug.mode}, {bug.devices}"
    outcome, findings = run(bug, OUT / "hornet_cuda.so", NATIVE, fresh("control " + name))
    if outcome or findings:
        return f"FAILED: without a bug, {name}: {kinds(outcome, findings)}"
    return None


def try_bug(bug):
    begin = time.monotonic()
    folder = fresh(bug.name)
    try:
        outcome, findings = run(bug, *plant(bug, folder), folder)
    except Failure as failure:
        return False, f"FAILED: {bug.name}: {failure}"
    seen = kinds(outcome, findings)
    seconds = time.monotonic() - begin
    if shows(bug, outcome, findings):
        return True, f"found: {bug.name}: {seen} ({seconds:.1f} s)"
    return False, f"MISSED: {bug.name}: expected {bug.shows}, got {seen or 'nothing'} ({folder.relative_to(ROOT)})"


def main(wanted):
    if not NVCC:
        print("planted bugs: skipped, there is no nvcc in CUDA_HOME, CUDA_PATH, /usr/local/cuda or PATH")
        return 0
    bugs = [b for b in BUGS if not wanted or any(text in b.name for text in wanted)]
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        try:
            build_all(pool)
        except Failure as failure:
            print(f"FAILED: {failure}")
            return 1
        print(f"built without bugs in {time.monotonic() - begin:.0f} s", flush=True)
        runs = {(b.program, b.tests, b.mode, b.devices): b for b in bugs}
        complaints = list(filter(None, pool.map(try_control, runs.values())))
        print("\n".join(complaints) or f"without bugs: {len(runs)} runs find nothing", flush=True)
        found = 0
        for done in concurrent.futures.as_completed([pool.submit(try_bug, b) for b in bugs]):
            good, line = done.result()
            found += good
            print(line, flush=True)
    missed = len(bugs) - found
    print(f"planted bugs: {found} found, {missed} missed")
    return 1 if missed or complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
