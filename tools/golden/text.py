#!/usr/bin/python3
"""Numbers for test-text.R: words, hashes, tokenizers and their files, by keras_preprocessing 1.1.0
on Python 3.11 (Unicode 14).

  PYTHONHASHSEED=0 PYTHONPATH=<keras_preprocessing 1.1.0> /usr/bin/python3 tools/golden/text.py > tests/testthat/golden/text.json

With an argument, reads tokenizers that hornet saved and says what Keras makes of them, by
tf_keras where it is installed:

  python tools/golden/text.py a.json b.json
"""
import hashlib
import json
import random
import sys

try:
    from tf_keras.preprocessing import text as K
except ImportError:
    sys.modules.setdefault("tensorflow", None)
    from keras_preprocessing import text as K

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "The dog -- lazy as ever -- doesn't (quite) jump; the FOX does!",
    "",
    "   \t\n  ",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen SYLTER DEICH; ÄÖÜ STRASSE STRAẞE",
    "Съешь же ещё этих мягких французских булок, да выпей ЧАЮ. ЧАЮ!",
    "ΤΑΧΊΣΤΗ ΑΛΏΠΗΞ ΒΑΦΉΣ ΨΗΜΈΝΗ ΓΗ, ΔΡΑΣΚΕΛΊΖΕΙ ΥΠΈΡ ΝΩΘΡΟΎ ΚΥΝΌΣ. ΟΔΟΣ ΟΔΟΣ' Σ ΑΣ'Α ΣΑΣ.",
    "İstanbul'da ILIK bir İĞNE ve ıhlamur",
    "日本語 の テキスト 日本語、全角　スペース",
    "emoji 😀 😀 in the text 👩‍👩‍👧 the",
    "a,b;c:d!e?f a,b a",
    "naïve café NAÏVE CAFÉ cafe\u0301 CAFE\u0301",
    "tab\tseparated\tthe\nlines\nthe lines",
    "\"quoted\" 'words' with \\back\\slashes {braces} the",
    "the the the the",
    "non\u00a0breaking \u2028 line \u200b zero",
    "Ⅷ Ⓐ ﬀ Ǆ ǅ ΐ ϴ Ω K Å Ა Ꭰ Ȿ Ⱥ 𐐀 𞤀",
    "control\x01char \x7f del",
]


def words():
    cases = []
    for text in TEXTS:
        cases.append({"text": text, "words": K.text_to_word_sequence(text)})
        cases.append({"text": text, "lower": False, "words": K.text_to_word_sequence(text, lower=False)})
    for text, options in [
        ("a--b-c---d", dict(split="--")),
        ("a--b-c---d", dict(split="--", filters="")),
        ("a!b--c-!-d!!e", dict(split="--", filters="!")),
        ("aXXbXcXXXd", dict(split="xx")),
        ("aXXbXcXXXd", dict(split="X", lower=False)),
        ("one, two; three", dict(filters="")),
        ("one, two; three", dict(filters=",;", split=", ")),
        ("日本語、テキスト。終", dict(filters="、。")),
        ("日本語、テキスト。終", dict(filters="", split="、")),
        ("日本語、テキスト。終", dict(filters="本", split="ト。")),
        ("the end", dict(filters="e", split="h")),
        ("😀a😀b", dict(filters="😀")),
        ("aİbi̇c", dict(filters="", split="\u0307")),
    ]:
        cases.append({"text": text, **options, "words": K.text_to_word_sequence(text, **options)})
    return cases


def lower():
    characters = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF and chr(c) != " "]
    everything = "\n".join(c.lower() for c in characters)
    draw = random.Random(1)
    pool = list("ΣΣΣΣΣΣ") + list("aΑ.'’:-1 ·\u0301\u00ad\u200dǅªʰᵃ") + ["日", "İ", "𐐀", "\U000e0001", "ⓐ"]
    contexts = ["".join(draw.choices(pool, k=draw.randint(1, 9))) for _ in range(400)]
    return {
        "md5": hashlib.md5(everything.encode()).hexdigest(),
        "contexts": contexts,
        "lowered": [text.lower() for text in contexts],
    }


def hashes():
    texts = [t for t in TEXTS if t.strip()] + ["x" * n for n in (54, 55, 56, 57, 63, 64, 65, 119, 120, 200)]
    return [{"text": t, "n": n, "hashes": K.hashing_trick(t, n, hash_function="md5")}
            for t in texts for n in (2, 100, 2147483647)]


def numbers(matrix):
    return [[float(f"{v:.15g}") for v in row] for row in matrix.tolist()]


def pairs(table):
    return {"names": [str(name) for name in table], "values": list(table.values())}


def known(tokenizer, texts, everything=True):
    result = {"word_index": pairs(tokenizer.word_index), "sequences": tokenizer.texts_to_sequences(texts)}
    if everything:
        result.update(
            word_counts=pairs(tokenizer.word_counts),
            word_docs=pairs(dict(sorted(tokenizer.word_docs.items()))),
            index_docs=pairs(dict(sorted(tokenizer.index_docs.items()))),
            index_word=pairs(tokenizer.index_word),
            document_count=tokenizer.document_count)
    small = texts[:3] + texts[-2:]
    if tokenizer.num_words and tokenizer.num_words < 20:
        result["matrices"] = {mode: numbers(tokenizer.texts_to_matrix(small, mode))
                              for mode in ("binary", "count", "tfidf", "freq")}
    return result


def tokenizers():
    tokens = [["The", "a b", "fox"], [], ["the", "ΟΔΟΣ", "", "x"], ["fox"], ["\"", "\\", "\n"]]
    new = ["the unseen fox", "ЧАЮ and Über", "", "the the lazy", "a b c"]
    cases = []
    for options in [
        dict(),
        dict(num_words=12),
        dict(num_words=12, oov_token="<OOV>"),
        dict(oov_token="the", num_words=8),
        dict(lower=False, oov_token="日本"),
        dict(char_level=True, num_words=15),
        dict(char_level=True, oov_token="?"),
        dict(filters="", split=" "),
        dict(split="--", filters=";!", num_words=6),
        dict(num_words=1),
    ]:
        tokenizer = K.Tokenizer(**options)
        tokenizer.fit_on_texts(TEXTS)
        case = {"options": options, "first": known(tokenizer, TEXTS + new, options == dict(oov_token="the", num_words=8))}
        if options in (dict(), dict(num_words=12, oov_token="<OOV>")):
            tokenizer.fit_on_texts(new)
            tokenizer.fit_on_texts(tokens)
            case["second"] = known(tokenizer, new)
            case["tokens"] = tokens
            case["token_sequences"] = tokenizer.texts_to_sequences(tokens)
            tokenizer.fit_on_sequences([[1, 1, 2], [], [5, 300], [0]])
            case["index_docs"] = pairs(dict(sorted(tokenizer.index_docs.items())))
            case["tfidf"] = numbers(tokenizer.sequences_to_matrix([[1, 1, 2, 500], [], [5, 0, 5]], "tfidf"))
            case["json"] = tokenizer.to_json()
        cases.append(case)
    return {"new": new, "cases": cases}


def one_word_texts():
    """Here nothing depends on the order of Python's sets."""
    texts = ["b", "a", "c c", "ÄÖ", "a", "😀", "\"", "\x01\x7f"]
    tokenizer = K.Tokenizer(num_words=5, oov_token="<\"ö>", filters="\\\n")
    tokenizer.fit_on_texts(texts)
    return {"texts": texts, "json": tokenizer.to_json(), "empty": K.Tokenizer().to_json()}


if len(sys.argv) > 1:
    for path in sys.argv[1:]:
        with open(path) as file:
            tokenizer = K.tokenizer_from_json(file.read())
        print(K.__name__, path, json.dumps(known(tokenizer, TEXTS)["sequences"]) if tokenizer.word_index else "[]")
else:
    print(json.dumps({
        "texts": TEXTS, "words": words(), "lower": lower(), "hashes": hashes(),
        "tokenizers": tokenizers(), "one_word_texts": one_word_texts(),
    }, ensure_ascii=False, separators=(",", ":")))
