#include "ptx/lexer.h"

#include <cctype>
#include <cstdint>
#include <cstdlib>

namespace cuda_emulation::ptx {
namespace {

bool in_word(const std::string& text, std::size_t at) {
  const char c = text[at];
  if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.' || c == '%')
    return true;
  // The "::" of ld.shared::cta
  return c == ':' && (text[at + 1] == ':' || (at > 0 && text[at - 1] == ':'));
}

bool is_debug_line(const std::string& text, std::size_t at) {
  return text.compare(at, 5, ".loc\t") == 0 || text.compare(at, 5, ".loc ") == 0 ||
         text.compare(at, 6, ".file\t") == 0 || text.compare(at, 6, ".file ") == 0;
}

}  // namespace

std::vector<Token> tokens_of(const std::string& text) {
  std::vector<Token> tokens;
  tokens.reserve(text.size() / 4);
  unsigned line = 1;
  const std::size_t n = text.size();
  const auto end_of_line = [&](std::size_t at) { return std::min(text.find('\n', at), n); };
  for (std::size_t at = 0; at < n;) {
    const char c = text[at];
    std::size_t end = at + 1;
    if (c == '\n') {
      ++line;
    } else if (std::isspace(static_cast<unsigned char>(c))) {
    } else if ((c == '/' && text[at + 1] == '/') || is_debug_line(text, at)) {
      end = end_of_line(at);
    } else if (c == '/' && text[at + 1] == '*') {
      end = text.find("*/", at);
      if (end == std::string::npos) throw Error("ptx: a comment does not end");
      end += 2;
      for (std::size_t i = at; i < end; ++i) line += text[i] == '\n';
    } else if (c == '"') {
      end = text.find('"', at + 1);
      if (end == std::string::npos) throw Error("ptx: a string does not end");
      tokens.push_back({std::string_view(text).substr(at, ++end - at), line});
    } else {
      if (in_word(text, at))
        while (end < n && in_word(text, end)) ++end;
      tokens.push_back({std::string_view(text).substr(at, end - at), line});
    }
    at = end;
  }
  return tokens;
}

std::string_view Reader::peek(std::size_t ahead) const {
  return at_ + ahead < end_ ? tokens_[at_ + ahead].text : std::string_view();
}

std::string_view Reader::next() {
  if (done()) throw Error("ptx: the text ends early");
  return tokens_[at_++].text;
}

bool Reader::take(std::string_view expected) {
  if (peek() != expected) return false;
  ++at_;
  return true;
}

void Reader::expect(std::string_view expected) {
  if (!take(expected))
    throw Error("ptx line " + std::to_string(line()) + ": expected \"" + std::string(expected) +
                "\", found \"" + std::string(peek()) + "\"");
}

void Reader::skip_to(std::string_view last) {
  while (next() != last) {}
}

void Reader::skip_braces() {
  expect("{");
  for (int depth = 1; depth > 0;) {
    const std::string_view word = next();
    depth += word == "{" ? 1 : word == "}" ? -1 : 0;
  }
}

std::string Reader::text(std::size_t from, std::size_t to) const {
  std::string joined;
  for (std::size_t i = from; i < to; ++i)
    joined += (joined.empty() ? "" : " ") + std::string(tokens_[i].text);
  return joined;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0]));
}

std::uint64_t number_of(std::string_view text) {
  const std::string word(text);
  const bool bits = word.size() > 2 && word[0] == '0' && std::string("fFdD").find(word[1]) < 4 &&
                    (word.size() == 10 || word.size() == 18);
  return bits ? std::strtoull(word.c_str() + 2, nullptr, 16)
              : std::strtoull(word.c_str(), nullptr, 0);
}

}  // namespace cuda_emulation::ptx
