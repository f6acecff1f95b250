#!/usr/bin/python3
"""Training steps a second of hornet and of PyTorch at its best, measured in turns.

  /usr/bin/python3 bench/compare.py [--nets mlp,cnn,cats,lstm,tiny] [--threads 1,2] [--rounds 5]
                                    [--seconds 1]

Needs Debian's python3-torch and libopenblas0-openmp, and hornet installed. PyTorch runs with
OpenBLAS instead of the reference BLAS, with an allocator that keeps its pages, and in the better
of its two layouts. On one thread a step costs the processor time of all threads, which other
programs do not disturb; on more it costs wall time. The ratio is the median over rounds.
"""
import argparse
import glob
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def openblas_folder():
    folders = glob.glob("/usr/lib/*/openblas-openmp")
    if not folders:
        sys.exit("libopenblas0-openmp is not installed")
    return folders[0]


def peer_environment():
    env = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        env.pop(name, None)
    env.update(
        LD_LIBRARY_PATH=openblas_folder(), MALLOC_MMAP_MAX_="0",
        MALLOC_TRIM_THRESHOLD_="100000000000", MALLOC_TOP_PAD_="268435456")
    return env


class Runner:
    """A child that answers each request line with "wall cpu" seconds per step."""

    def __init__(self, command, env=None):
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, net, layout, threads, seconds):
        self.child.stdin.write(f"{net} {layout} {threads} {seconds}\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            sys.exit(f"{self.child.args[0]} ended; exit status {self.child.wait()}")
        wall, cpu = map(float, line.split())
        return cpu if threads == 1 else wall


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", default="mlp,cnn,cats,lstm,tiny")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    args = parser.parse_args()

    peer = Runner(["/usr/bin/python3", os.path.join(HERE, "peer_steps.py")], peer_environment())
    ours = Runner(["Rscript", "--vanilla", os.path.join(HERE, "steps.R")])
    print("| net | threads | PyTorch steps/s | layout | hornet steps/s | ratio | worst | best |")
    print("|---|---|---|---|---|---|---|---|")
    for net in args.nets.split(","):
        for threads in map(int, args.threads.split(",")):
            layouts = ["nchw", "nhwc"] if net in ("cnn", "cats") else ["nchw"]
            layout = min(layouts, key=lambda l: peer.ask(net, l, threads, args.seconds / 2))
            pairs = [(peer.ask(net, layout, threads, args.seconds),
                      ours.ask(net, "nhwc", threads, args.seconds)) for _ in range(args.rounds)]
            ratios = sorted(theirs / own for theirs, own in pairs)
            theirs, own = (1 / statistics.median(column) for column in zip(*pairs))
            print(f"| {net} | {threads} | {theirs:.1f} | {layout} | {own:.1f} "
                  f"| {statistics.median(ratios):.2f} | {ratios[0]:.2f} | {ratios[-1]:.2f} |",
                  flush=True)


main()
