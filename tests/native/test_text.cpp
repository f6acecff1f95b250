// Texts: UTF-8, lower case, hashes, tables, splitting, counting, matrices.
#include <atomic>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "rt/parallel.h"
#include "rt/run_loop.h"
#include "text/json.h"
#include "text/lower.h"
#include "text/tokenizer.h"
#include "base/utf8.h"
#include "text/word_hash.h"

using namespace hornet;

namespace {

const std::atomic<bool> kNeverStop{false};

std::string lowered(const std::string& text) {
  std::string buffer;
  return std::string(lower_text(text, buffer));
}

Corpus corpus_of(const std::vector<std::string>& texts) {
  Corpus corpus;
  corpus.strings.assign(texts.begin(), texts.end());
  return corpus;
}

std::string words_of(const std::string& text, WordRules rules) {
  const std::vector<std::string> texts{text};
  const Corpus corpus = corpus_of(texts);
  WordReader reader(rules);
  reader.open(corpus, 0);
  std::string all;
  for (std::string_view word; reader.next(word);) all += "[" + std::string(word) + "]";
  return all;
}

void every_character_is_written_and_read() {
  bool same = true;
  for (std::uint32_t point = 0; point < 0x110000; ++point) {
    char bytes[4];
    const char* end = utf8_put(point, bytes);
    const std::string_view text(bytes, static_cast<std::size_t>(end - bytes));
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    same = same && utf8_valid_prefix(text) == (surrogate ? 0 : text.size());
    const char *forth = bytes, *back = end;
    same = same && utf8_next(forth) == point && forth == end;
    same = same && utf8_previous(back) == point && back == bytes;
    // Cut short it is invalid.
    if (text.size() > 1) same = same && utf8_valid_prefix(text.substr(0, text.size() - 1)) == 0;
  }
  CHECK(same);
  CHECK(utf8_valid_prefix("0123456789\xff") == 10);
  CHECK(utf8_valid_prefix("\xc0\x80") == 0);
  CHECK(utf8_valid_prefix("a\xf4\x90\x80\x80") == 1);
}

void lower_case_knows_contexts() {
  CHECK(lowered("ABCDEFGHIJKLMNOPQRSTUVWXYZ[@`{") == "abcdefghijklmnopqrstuvwxyz[@`{");
  CHECK(lowered("ΟΔΟΣ ΟΔΟΣ") == "οδος οδος");
  CHECK(lowered("Σ") == "σ");
  CHECK(lowered("ΑΣ.") == "ας.");
  CHECK(lowered("ΑΣ.Α") == "ασ.α");
  CHECK(lowered("İ") == "i\u0307");
  CHECK(lowered("ȺȺȺȺ") == "ⱥⱥⱥⱥ");  // grows by half
  CHECK(lowered("").empty());
}

void hashes_are_those_of_their_definitions() {
  CHECK(fnv1a("") == 0xcbf29ce484222325u);
  CHECK(fnv1a("foobar") == 0x85944171f73967e8u);
  CHECK(md5_modulo("", 4294967291u) == 100113718u);
  CHECK(md5_modulo("abc", 4294967291u) == 2600394971u);
  CHECK(md5_modulo(std::string(56, 'a'), 4294967291u) == 3175722553u);
}

void tables_number_words_in_order() {
  WordTable table;
  CHECK(table.find("a") == -1);
  std::vector<std::string> words{""};
  for (int i = 0; i < 20000; ++i) words.push_back(std::string(i % 19, 'x') + std::to_string(i));
  bool right = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    right = right && table.find(words[i]) == -1 && table.insert(words[i]) == static_cast<int>(i);
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    const int id = static_cast<int>(i);
    right = right && table.find(words[i]) == id && table.insert(words[i]) == id;
    right = right && table.word(id) == words[i];
  }
  CHECK(right);
  CHECK(table.size() == 20001);
  // Same length, same ends.
  CHECK(table.insert("abcd") != table.insert("abxd"));
  CHECK(table.insert("abcdefgh1") != table.insert("abcdefgh2"));
}

void texts_are_split_by_the_rules() {
  CHECK(words_of("A, b;;c", {",;", " "}) == "[a][b][c]");
  CHECK(words_of("A, b", {"", " ", /* lower = */ false}) == "[A,][b]");
  CHECK(words_of("日本、語", {"、", " "}) == "[日本][語]");
  CHECK(words_of("a--b-!-c---d", {"!", "--"}) == "[a][b][c][-d]");
  CHECK(words_of("日a", {"a", "", true, /* char_level = */ true}) == "[日][a]");
  CHECK(words_of("  ", {"", " "}).empty());
  CHECK_THROWS(words_of("a", {"", ""}), "`split`");
}

std::vector<std::string> many_texts() {
  std::vector<std::string> texts;
  for (int i = 0; i < 6000; ++i) {
    std::string text;
    for (int k = 0; k < 12; ++k) text += "Word" + std::to_string((i * k * k + k) % (i + 3)) + ", ";
    texts.push_back(text);
  }
  return texts;
}

void threads_change_nothing() {
  const auto texts = many_texts();
  const Corpus corpus = corpus_of(texts);
  const WordRules rules{",", " "};
  set_kernel_threads(1);
  const WordCounts one = count_words(corpus, rules, kNeverStop);
  Vocabulary vocabulary;
  for (int i = 0; i < one.words.size(); ++i) {
    vocabulary.words.insert(one.words.word(i));
    vocabulary.index.push_back(i + 1);
  }
  const Lookup lookup{500, /* other = */ 1};
  const Sequences ids = index_words(corpus, rules, vocabulary, lookup, kNeverStop);
  set_kernel_threads(0);
  const WordCounts all = count_words(corpus, rules, kNeverStop);
  CHECK(all.counts == one.counts);
  CHECK(all.documents == one.documents);
  bool same = all.words.size() == one.words.size();
  for (int i = 0; same && i < one.words.size(); ++i) same = all.words.word(i) == one.words.word(i);
  CHECK(same);
  const Sequences again = index_words(corpus, rules, vocabulary, lookup, kNeverStop);
  CHECK(again.ids == ids.ids);
  CHECK(again.ends == ids.ends);
  CHECK(ids.size() == texts.size());
}

void bad_texts_and_stops_end_the_work() {
  auto texts = many_texts();
  texts[4000] += "\xff";
  texts[5500] += "\xff";
  const Corpus corpus = corpus_of(texts);
  const WordRules rules{",", " "};
  CHECK_THROWS(count_words(corpus, rules, kNeverStop), "text 4001 is not valid UTF-8");
  const std::atomic<bool> stop{true};
  bool stopped = false;
  try {
    count_words(corpus, rules, stop);
  } catch (const Stopped&) { stopped = true; }
  CHECK(stopped);
}

void matrices_say_what_their_mode_says() {
  const Sequences sequences{{1, 1, 2, 9, 1}, {4, 4, 5}};
  const std::vector<double> idf{0, 0.5, 2};
  const auto matrix = [&](MatrixMode mode) {
    std::vector<double> out(9, -1);
    fill_matrix(sequences, mode, 3, idf, out.data(), kNeverStop);
    return out;
  };
  CHECK((matrix(MatrixMode::binary) == std::vector<double>{0, 0, 0, 1, 0, 1, 1, 0, 0}));
  CHECK((matrix(MatrixMode::count) == std::vector<double>{0, 0, 0, 2, 0, 1, 1, 0, 0}));
  CHECK((matrix(MatrixMode::freq) == std::vector<double>{0, 0, 0, 0.5, 0, 1, 0.25, 0, 0}));
  const auto tfidf = matrix(MatrixMode::tfidf);
  CHECK(tfidf[3] > 0.8465 && tfidf[3] < 0.8466);
  CHECK(tfidf[6] == 2);
}

void json_is_ascii() {
  std::string out;
  append_json_string("a\"\\\n\t\x01\x7fé😀", out);
  CHECK(out == "\"a\\\"\\\\\\n\\t\\u0001\\u007f\\u00e9\\ud83d\\ude00\"");
}

}  // namespace

int main() {
  test("every character is written and read", every_character_is_written_and_read);
  test("lower case knows contexts", lower_case_knows_contexts);
  test("hashes are those of their definitions", hashes_are_those_of_their_definitions);
  test("tables number words in order", tables_number_words_in_order);
  test("texts are split by the rules", texts_are_split_by_the_rules);
  test("threads change nothing", threads_change_nothing);
  test("bad texts and stops end the work", bad_texts_and_stops_end_the_work);
  test("matrices say what their mode says", matrices_say_what_their_mode_says);
  test("JSON is ASCII", json_is_ascii);
  return check_result();
}
