#include "text/word_reader.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "text/lower.h"
#include "base/utf8.h"

namespace hornet {
namespace {

std::vector<std::uint32_t> points_of(const std::string& text) {
  std::vector<std::uint32_t> points;
  for (const char *p = text.data(), *end = p + text.size(); p != end;)
    points.push_back(utf8_next(p));
  return points;
}

}  // namespace

std::size_t Corpus::begin_of(std::size_t document) const {
  if (!tokens) return document;
  return document ? ends[document - 1] : 0;
}

std::size_t Corpus::end_of(std::size_t document) const {
  return tokens ? ends[document] : document + 1;
}

WordReader::WordReader(const WordRules& rules) : rules_(rules), stops_(points_of(rules.filters)) {
  const auto split = points_of(rules.split);
  text_kind_ = rules.char_level    ? Kind::characters
               : split.size() == 1 ? Kind::separated
                                   : Kind::joined;
  kind_ = text_kind_;
  if (text_kind_ == Kind::joined && split.empty())
    throw Error("`split` must be at least one character", "value");
  if (text_kind_ == Kind::separated) stops_.push_back(split[0]);
  std::sort(stops_.begin(), stops_.end());
  for (std::uint32_t point : stops_) {
    char bytes[4];
    utf8_put(point, bytes);
    first_byte_[static_cast<unsigned char>(bytes[0])] = true;
  }
}

std::string_view WordReader::checked(std::size_t string) const {
  const std::string_view text = corpus_->strings[string];
  const std::size_t valid = utf8_valid_prefix(text);
  if (valid == text.size()) return text;
  char byte[8];
  std::snprintf(byte, sizeof byte, "\\x%02x", static_cast<unsigned char>(text[valid]));
  std::string who = "text " + std::to_string(corpus_->before + document_ + 1);
  if (corpus_->tokens) {
    who = "token " + std::to_string(string - corpus_->begin_of(document_) + 1) + " of " + who;
  }
  throw Error(who + " is not valid UTF-8: its byte " + std::to_string(valid + 1) + " is " + byte,
              "value")
      .hint("Declare its encoding with Encoding(), or convert it with iconv().");
}

void WordReader::open(const Corpus& corpus, std::size_t document) {
  corpus_ = &corpus;
  document_ = document;
  token_ = corpus.begin_of(document);
  kind_ = corpus.tokens ? Kind::tokens : text_kind_;
  if (corpus.tokens) return;
  std::string_view text = checked(token_);
  if (rules_.lower) text = lower_text(text, lowered_);
  if (kind_ == Kind::joined) text = filtered(text);
  at_ = text.data();
  end_ = at_ + text.size();
}

bool WordReader::is_stop(std::uint32_t point) const {
  return std::binary_search(stops_.begin(), stops_.end(), point);
}

// The first stop in [from, end_), or end_.
const char* WordReader::next_stop(const char* from) const {
  for (;;) {
    while (from != end_ && !first_byte_[static_cast<unsigned char>(*from)]) ++from;
    if (from == end_ || static_cast<unsigned char>(*from) < 0x80) return from;
    const char* behind = from;
    if (is_stop(utf8_next(behind))) return from;
    from = behind;
  }
}

const char* WordReader::behind(const char* stop) const {
  utf8_next(stop);
  return stop;
}

// Puts `split` where the filtered characters were. What it forms with its neighbours counts as
// well.
std::string_view WordReader::filtered(std::string_view text) {
  filtered_.clear();
  end_ = text.data() + text.size();
  for (const char* p = text.data();;) {
    const char* stop = next_stop(p);
    filtered_.append(p, stop);
    if (stop == end_) return filtered_;
    filtered_ += rules_.split;
    p = behind(stop);
  }
}

bool WordReader::next(std::string_view& word) {
  switch (kind_) {
    case Kind::tokens:
      if (token_ == corpus_->end_of(document_)) return false;
      word = checked(token_++);
      if (rules_.lower) word = lower_text(word, lowered_);
      return true;
    case Kind::characters: {
      if (at_ == end_) return false;
      const char* begin = at_;
      at_ = behind(begin);
      word = {begin, static_cast<std::size_t>(at_ - begin)};
      return true;
    }
    case Kind::separated:
      while (at_ != end_) {
        const char* begin = at_;
        const char* stop = next_stop(begin);
        at_ = stop == end_ ? end_ : behind(stop);
        if (stop == begin) continue;
        word = {begin, static_cast<std::size_t>(stop - begin)};
        return true;
      }
      return false;
    case Kind::joined:
      while (at_ != end_) {
        const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
        const std::size_t length = std::min(rest.find(rules_.split), rest.size());
        at_ += std::min(rest.size(), length + rules_.split.size());
        if (length == 0) continue;
        word = rest.substr(0, length);
        return true;
      }
      return false;
  }
  return false;
}

}  // namespace hornet
