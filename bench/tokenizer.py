#!/usr/bin/python3
"""hornet's tokenizer and that of keras_preprocessing, measured in turns on the same texts.

  PYTHONPATH=<keras_preprocessing 1.1.0> /usr/bin/python3 bench/tokenizer.py [--texts 50000] [--rounds 5]

The texts are drawn from a vocabulary with Zipf's frequencies, a part of it not in ASCII, with
capitals and punctuation. The ratio is the median over rounds: on one thread of processor time, on
two of wall time.
"""
import argparse
import gc
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time

sys.modules.setdefault("tensorflow", None)
from keras_preprocessing.text import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))


def corpus(texts, words_a_text=100, vocabulary=60000):
    draw = random.Random(1)
    alphabets = ["abcdefghijklmnopqrstuvwxyz"] * 17 + ["äöüßéèñçabdefgimnorst", "абвгдежзиклмнопрстуфхцчшя", "αβγδεζηθικλμνοπρστυφχψω"]
    words = set()
    while len(words) < vocabulary:
        words.add("".join(draw.choices(draw.choice(alphabets), k=min(14, 1 + int(draw.expovariate(1 / 5)) + (len(words) > 100)))))
    words = sorted(words)
    draw.shuffle(words)
    weights = [1 / (rank + 2) for rank in range(len(words))]
    lines = []
    for _ in range(texts):
        drawn = draw.choices(words, weights, k=max(1, int(draw.gauss(words_a_text, words_a_text / 3))))
        for i in range(0, len(drawn), 9):
            drawn[i] = drawn[i].capitalize()
        lines.append(" ".join(word + ("," if i % 7 == 6 else ". " if i % 9 == 8 else "") for i, word in enumerate(drawn)))
    return lines


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(task):
    gc.collect()
    wall, processor = time.perf_counter(), cpu()
    task()
    return time.perf_counter() - wall, cpu() - processor


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=50000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    texts = corpus(args.texts)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("".join(text + "\n" for text in texts))
        file.flush()
        ours = subprocess.Popen(["Rscript", "--vanilla", os.path.join(HERE, "tokenizer.R"), file.name],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ask(task, threads):
            ours.stdin.write(f"{task} {threads}\n")
            ours.stdin.flush()
            return tuple(map(float, ours.stdout.readline().split()))

        fitted = Tokenizer(num_words=1000)
        fitted.fit_on_texts(texts)
        tasks = {
            "fit": lambda: Tokenizer(num_words=1000).fit_on_texts(texts),
            "sequences": lambda: fitted.texts_to_sequences(texts),
            "matrix": lambda: fitted.texts_to_matrix(texts, "tfidf"),
        }
        print(f"{len(texts)} texts, {sum(map(len, texts)) / 1e6:.1f} million characters, {len(fitted.word_index)} words")
        print("| task | Keras s | hornet s | one thread, cpu: ratio | worst | best | two threads, wall: ratio | worst | best |")
        print("|---|---|---|---|---|---|---|---|---|")
        for task, run in tasks.items():
            for threads in (1, 2):
                ask(task, threads)
            rounds = [(timed(run), ask(task, 1), ask(task, 2)) for _ in range(args.rounds)]
            one = sorted(theirs[1] / own[1] for theirs, own, _ in rounds)
            two = sorted(theirs[0] / own[0] for theirs, _, own in rounds)
            print(f"| {task} | {statistics.median(r[0][1] for r in rounds):.2f} | {statistics.median(r[1][1] for r in rounds):.3f} "
                  f"| {statistics.median(one):.1f} | {one[0]:.1f} | {one[-1]:.1f} "
                  f"| {statistics.median(two):.1f} | {two[0]:.1f} | {two[-1]:.1f} |", flush=True)
        ours.stdin.close()
        ours.wait()


main()
