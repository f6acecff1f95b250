// Texts for R: words, hashes, counts, sequences and matrices of them.
#include <algorithm>
#include <climits>
#include <memory>
#include <string>
#include <vector>

#include "r_handle.h"
#include "r_serve.h"
#include "text/json.h"
#include "text/tokenizer.h"
#include "text/word_hash.h"

using namespace hornet;

namespace {

constexpr const char* kVocabularyHandle = "vocabulary";

std::string_view view_of(SEXP string) {
  return {CHAR(string), static_cast<std::size_t>(LENGTH(string))};
}

std::string string_of(SEXP x) { return std::string(view_of(STRING_ELT(x, 0))); }

// Makes what is inside vectors of strings stay where it is while R keeps them.
void settle(SEXP strings) {
  r_protect([=]() -> SEXP {
    if (TYPEOF(strings) == STRSXP) {
      (void)STRING_PTR_RO(strings);
    } else {
      for (R_xlen_t i = 0; i < Rf_xlength(strings); ++i)
        (void)STRING_PTR_RO(VECTOR_ELT(strings, i));
    }
    return R_NilValue;
  });
}

void add_strings(SEXP strings, std::size_t before, const char* what, const std::string& where,
                 Corpus& corpus) {
  for (R_xlen_t i = 0; i < Rf_xlength(strings); ++i) {
    SEXP string = STRING_ELT(strings, i);
    const bool is_bytes = string != NA_STRING && Rf_getCharCE(string) == CE_BYTES;
    if (string == NA_STRING || is_bytes) {
      throw Error(what + std::to_string(before + static_cast<std::size_t>(i) + 1) + where +
                      (is_bytes ? " is bytes without an encoding" : " is NA"),
                  "value")
          .hint(is_bytes ? "Declare its encoding with Encoding(), or convert it with iconv()."
                         : "Leave missing texts out, or replace them by \"\".");
    }
    corpus.strings.push_back(view_of(string));
  }
}

// A character vector of texts, or a list of character vectors of tokens, in UTF-8. Its attribute
// "before" says how many came before it.
Corpus corpus_of(SEXP texts) {
  settle(texts);
  Corpus corpus;
  corpus.tokens = TYPEOF(texts) == VECSXP;
  SEXP before = Rf_getAttrib(texts, Rf_install("before"));
  if (!Rf_isNull(before)) corpus.before = static_cast<std::size_t>(Rf_asInteger(before));
  if (!corpus.tokens) {
    add_strings(texts, corpus.before, "text ", "", corpus);
    return corpus;
  }
  for (R_xlen_t i = 0; i < Rf_xlength(texts); ++i) {
    const std::size_t number = corpus.before + static_cast<std::size_t>(i) + 1;
    add_strings(VECTOR_ELT(texts, i), 0, "token ", " of text " + std::to_string(number), corpus);
    corpus.ends.push_back(corpus.strings.size());
  }
  return corpus;
}

// list(filters, lower, split, char_level)
WordRules rules_of(SEXP list) {
  WordRules rules;
  rules.filters = string_of(VECTOR_ELT(list, 0));
  rules.lower = Rf_asLogical(VECTOR_ELT(list, 1));
  rules.split = string_of(VECTOR_ELT(list, 2));
  rules.char_level = Rf_asLogical(VECTOR_ELT(list, 3));
  return rules;
}

// Short work is done at once; during longer work, body(stop), R stays interruptible.
template <class Body>
void interruptible(const Corpus& corpus, Body&& body) {
  std::size_t bytes = 0;
  for (const auto& text : corpus.strings) bytes += text.size() + 1;
  if (bytes < (1u << 18)) {
    const std::atomic<bool> never{false};
    return body(never);
  }
  RunLoop loop;
  serve_while(
      loop, [] {}, [&] { body(loop.stop_flag()); });
}

Rcpp::CharacterVector strings_to_r(const std::vector<std::string_view>& strings) {
  const std::string_view* from = strings.data();
  const auto n = static_cast<R_xlen_t>(strings.size());
  return r_protect([=]() -> SEXP {
    SEXP result = PROTECT(Rf_allocVector(STRSXP, n));
    for (R_xlen_t i = 0; i < n; ++i) {
      SET_STRING_ELT(result, i,
                     Rf_mkCharLenCE(from[i].data(), static_cast<int>(from[i].size()), CE_UTF8));
    }
    UNPROTECT(1);
    return result;
  });
}

std::vector<std::string> words_of(SEXP text, const WordRules& rules) {
  const Corpus corpus = corpus_of(text);
  std::vector<std::string> words;
  interruptible(corpus, [&](const std::atomic<bool>& stop) {
    WordReader reader(rules);
    reader.open(corpus, 0);
    for (std::string_view word; reader.next(word);) {
      if (stop) throw Stopped();
      words.emplace_back(word);
    }
  });
  return words;
}

// list(num_words, oov), 0 where there is none
Lookup lookup_of(SEXP list) {
  const int oov = Rf_asInteger(VECTOR_ELT(list, 1));
  return {Rf_asInteger(VECTOR_ELT(list, 0)), oov > 0 ? oov : Lookup::kDrop};
}

Sequences sequences_of(const Corpus& corpus, SEXP rules, SEXP vocabulary, SEXP lookup) {
  const WordRules how = rules_of(rules);
  const auto known = get_handle<Vocabulary>(vocabulary, kVocabularyHandle);
  const Lookup what = lookup_of(lookup);
  Sequences sequences;
  interruptible(corpus, [&](const std::atomic<bool>& stop) {
    sequences = index_words(corpus, how, *known, what, stop);
  });
  return sequences;
}

// A list of whole numbers from 0, in integer or double vectors.
Sequences sequences_from_r(SEXP list) {
  Sequences sequences;
  for (R_xlen_t i = 0; i < Rf_xlength(list); ++i) {
    SEXP x = VECTOR_ELT(list, i);
    const bool is_double = TYPEOF(x) == REALSXP;
    for (R_xlen_t k = 0; k < Rf_xlength(x); ++k) {
      const double id = is_double ? REAL_ELT(x, k) : INTEGER_ELT(x, k);
      if (!(id >= 0 && id <= INT_MAX && id == static_cast<int>(id))) {
        throw Error("element " + std::to_string(k + 1) + " of sequence " + std::to_string(i + 1) +
                        " is not a word index: they are whole numbers from 0",
                    "value");
      }
      sequences.ids.push_back(static_cast<int>(id));
    }
    sequences.ends.push_back(sequences.ids.size());
  }
  return sequences;
}

MatrixMode mode_of(SEXP mode) {
  const std::string name = string_of(mode);
  return name == "count"   ? MatrixMode::count
         : name == "freq"  ? MatrixMode::freq
         : name == "tfidf" ? MatrixMode::tfidf
                           : MatrixMode::binary;
}

SEXP matrix_to_r(const Sequences& sequences, SEXP mode, int columns, SEXP idf) {
  const MatrixMode how = mode_of(mode);
  std::vector<double> factors;
  if (how == MatrixMode::tfidf) factors = Rcpp::as<std::vector<double>>(idf);
  const auto rows = static_cast<R_xlen_t>(sequences.size());
  Rcpp::NumericVector matrix(
      r_protect([&]() -> SEXP { return Rf_allocVector(REALSXP, rows * columns); }));
  double* const out = matrix.begin();
  RunLoop loop;
  serve_while(
      loop, [] {}, [&] { fill_matrix(sequences, how, columns, factors, out, loop.stop_flag()); });
  matrix.attr("dim") = Rcpp::IntegerVector::create(static_cast<int>(rows), columns);
  return matrix;
}

}  // namespace

// The words of one text.
// [[Rcpp::export(rng = false)]]
SEXP cpp_text_words(SEXP text, SEXP rules) {
  return glue_entry("cpp_text_words", [&]() -> SEXP {
    const auto words = words_of(text, rules_of(rules));
    return strings_to_r(std::vector<std::string_view>(words.begin(), words.end()));
  });
}

// Numbers from 1 to n - 1 for the words of one text.
// [[Rcpp::export(rng = false)]]
SEXP cpp_text_hashes(SEXP text, SEXP rules, int n, bool md5) {
  return glue_entry("cpp_text_hashes", [&]() -> SEXP {
    const auto words = words_of(text, rules_of(rules));
    const auto modulus = static_cast<std::uint32_t>(n - 1);
    Rcpp::IntegerVector result(static_cast<R_xlen_t>(words.size()));
    std::transform(words.begin(), words.end(), result.begin(), [&](const std::string& word) {
      const std::uint64_t rest = md5 ? md5_modulo(word, modulus) : fnv1a(word) % modulus;
      return static_cast<int>(rest) + 1;
    });
    return result;
  });
}

// list(words, counts, documents)
// [[Rcpp::export(rng = false)]]
SEXP cpp_text_count(SEXP texts, SEXP rules) {
  return glue_entry("cpp_text_count", [&]() -> SEXP {
    const Corpus corpus = corpus_of(texts);
    const WordRules how = rules_of(rules);
    WordCounts counts;
    interruptible(corpus,
                  [&](const std::atomic<bool>& stop) { counts = count_words(corpus, how, stop); });
    std::vector<std::string_view> words;
    for (int i = 0; i < counts.words.size(); ++i) words.push_back(counts.words.word(i));
    return Rcpp::List::create(
        Rcpp::Named("words") = strings_to_r(words),
        Rcpp::Named("counts") = Rcpp::NumericVector(counts.counts.begin(), counts.counts.end()),
        Rcpp::Named("documents") =
            Rcpp::NumericVector(counts.documents.begin(), counts.documents.end()));
  });
}

// Of words in UTF-8; of equal ones the last counts.
// [[Rcpp::export(rng = false)]]
SEXP cpp_text_vocabulary(SEXP words, SEXP index) {
  return glue_entry("cpp_text_vocabulary", [&]() -> SEXP {
    const Corpus known = corpus_of(words);
    const Rcpp::IntegerVector numbers(index);
    auto vocabulary = std::make_shared<Vocabulary>();
    for (std::size_t i = 0; i < known.size(); ++i) {
      const auto id = static_cast<std::size_t>(vocabulary->words.insert(known.strings[i]));
      if (id == vocabulary->index.size()) vocabulary->index.push_back(0);
      vocabulary->index[id] = numbers[static_cast<R_xlen_t>(i)];
    }
    return make_handle<Vocabulary>(std::move(vocabulary), kVocabularyHandle);
  });
}

// A handle that was saved and read again is none.
// [[Rcpp::export(rng = false)]]
bool cpp_text_is_vocabulary(SEXP handle) {
  return TYPEOF(handle) == EXTPTRSXP && R_ExternalPtrAddr(handle) != nullptr;
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_text_sequences(SEXP texts, SEXP rules, SEXP vocabulary, SEXP lookup) {
  return glue_entry("cpp_text_sequences", [&]() -> SEXP {
    const Sequences sequences = sequences_of(corpus_of(texts), rules, vocabulary, lookup);
    const Sequences* const from = &sequences;
    return r_protect([=]() -> SEXP {
      const auto n = static_cast<R_xlen_t>(from->size());
      SEXP result = PROTECT(Rf_allocVector(VECSXP, n));
      for (R_xlen_t i = 0; i < n; ++i) {
        const std::size_t begin = from->begin_of(static_cast<std::size_t>(i));
        const std::size_t length = from->ends[static_cast<std::size_t>(i)] - begin;
        SEXP ids = Rf_allocVector(INTSXP, static_cast<R_xlen_t>(length));
        SET_VECTOR_ELT(result, i, ids);
        std::copy_n(from->ids.data() + begin, length, INTEGER(ids));
      }
      UNPROTECT(1);
      return result;
    });
  });
}

// idf: a factor a column for mode "tfidf", else NULL.
// [[Rcpp::export(rng = false)]]
SEXP cpp_text_matrix(SEXP texts, SEXP rules, SEXP vocabulary, SEXP lookup, SEXP mode, int columns,
                     SEXP idf) {
  return glue_entry("cpp_text_matrix", [&]() -> SEXP {
    return matrix_to_r(sequences_of(corpus_of(texts), rules, vocabulary, lookup), mode, columns,
                       idf);
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_text_sequences_matrix(SEXP sequences, SEXP mode, int columns, SEXP idf) {
  return glue_entry("cpp_text_sequences_matrix", [&]() -> SEXP {
    return matrix_to_r(sequences_from_r(sequences), mode, columns, idf);
  });
}

// Strings in UTF-8 as JSON strings.
// [[Rcpp::export(rng = false)]]
SEXP cpp_text_json(SEXP strings) {
  return glue_entry("cpp_text_json", [&]() -> SEXP {
    const Corpus corpus = corpus_of(strings);
    std::vector<std::string> written(corpus.size());
    for (std::size_t i = 0; i < corpus.size(); ++i)
      append_json_string(corpus.strings[i], written[i]);
    return strings_to_r(std::vector<std::string_view>(written.begin(), written.end()));
  });
}
