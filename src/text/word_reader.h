// Documents and the words in them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hornet {

// What makes words of a text, as in Keras: the whole text is put in lower case, every character in
// `filters` becomes `split`, and words are what is not empty between `split`s. With `char_level`
// every character is a word, and nothing is filtered.
struct WordRules {
  std::string filters, split;  // UTF-8; `split` is empty only with `char_level`
  bool lower = true;
  bool char_level = false;
};

// Texts; or documents that are lists of tokens already. The bytes belong to someone else.
struct Corpus {
  std::vector<std::string_view> strings;
  bool tokens = false;
  std::vector<std::size_t> ends;  // with `tokens`: where each document's strings end
  std::size_t before = 0;         // documents of the user in front of these, for messages

  std::size_t size() const { return tokens ? ends.size() : strings.size(); }
  std::size_t begin_of(std::size_t document) const;
  std::size_t end_of(std::size_t document) const;
};

// Reads a document word by word. One thread at a time.
class WordReader {
 public:
  explicit WordReader(const WordRules& rules);
  // Throws Error that names the document and the byte where a string is not UTF-8.
  void open(const Corpus& corpus, std::size_t document);
  // The next word; false at the end. A text's words are valid until open(), a token until next().
  bool next(std::string_view& word);

 private:
  enum class Kind { separated, joined, characters, tokens };
  bool is_stop(std::uint32_t point) const;
  const char* next_stop(const char* from) const;
  const char* behind(const char* stop) const;
  std::string_view filtered(std::string_view text);
  std::string_view checked(std::size_t string) const;

  WordRules rules_;
  Kind text_kind_, kind_;
  // Characters that end words: the filters, and `split` if it is one character.
  std::vector<std::uint32_t> stops_;
  bool first_byte_[256] = {};  // of a stop

  const Corpus* corpus_ = nullptr;
  std::size_t document_ = 0, token_ = 0;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::string lowered_, filtered_;
};

}  // namespace hornet
