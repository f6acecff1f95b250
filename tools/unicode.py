#!/usr/bin/python3
"""Writes src/text/case_table.h: what str.lower() of the Python that runs this does, and so the
version of Unicode it knows.

  /usr/bin/python3 tools/unicode.py > src/text/case_table.h
"""
import textwrap
import unicodedata

SIGMA, FINAL_SIGMA = "\u03a3", "\u03c2"
CHARACTERS = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def lower_runs():
    """(first, last, step, delta): every step-th character becomes the one delta further on."""
    delta = {ord(c): ord(c.lower()) - ord(c) for c in CHARACTERS if len(c.lower()) == 1 and c.lower() != c}
    points = sorted(delta)
    runs = []
    while points:
        best = points[:1], 1
        for step in (1, 2):
            run = points[:1]
            for point in points[1:]:
                if point - run[-1] != step or delta[point] != delta[run[0]]:
                    break
                run.append(point)
            if len(run) > len(best[0]):
                best = run, step
        run, step = best
        runs.append((run[0], run[-1], step, delta[run[0]]))
        points = points[len(run):]
    return runs


def ranges(characters):
    result = []
    for point in map(ord, characters):
        if result and result[-1][1] == point - 1:
            result[-1][1] = point
        else:
            result.append([point, point])
    return result


def rows(items):
    cells = ["{" + ",".join(f"{n:#x}" if i < 2 else str(n) for i, n in enumerate(item)) + "}," for item in items]
    return textwrap.fill(" ".join(cells), 100, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def ends_word_after(prefix):
    return (prefix + SIGMA).lower().endswith(FINAL_SIGMA)


# What lower.cpp takes for granted.
assert [c for c in CHARACTERS if len(c.lower()) != 1] == ["\u0130"] and "\u0130".lower() == "i\u0307"
assert all(2 * len(c.lower().encode()) <= 3 * len(c.encode()) for c in CHARACTERS)

# A sigma is final after a cased letter, whatever ignorable characters are between them.
cased = [c for c in CHARACTERS if ends_word_after(c)]
known = set(cased)
ignorable = [c for c in CHARACTERS if c not in known and ends_word_after("A" + c)]

print(f"""\
// Lower case of Unicode {unicodedata.unidata_version}. Made by tools/unicode.py.
#pragma once
#include <cstdint>

namespace hornet {{

// Every step-th character of [first, last] becomes the one `delta` further on. Ascending.
struct LowerRun {{
  std::uint32_t first, last;
  int step, delta;
}};

struct CharacterRange {{
  std::uint32_t first, last;
}};

// clang-format off
inline constexpr LowerRun kLowerRuns[] = {{
{rows(lower_runs())}
}};

// Letters with case that are not ignorable.
inline constexpr CharacterRange kCased[] = {{
{rows(ranges(cased))}
}};

// What is skipped when looking for the letters around a sigma: marks, points, apostrophes.
inline constexpr CharacterRange kCaseIgnorable[] = {{
{rows(ranges(ignorable))}
}};
// clang-format on

}}  // namespace hornet""")
