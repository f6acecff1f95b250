// PTX text as words: identifiers with their dots ("ld.global.f32"), numbers, strings and single
// punctuation marks. Comments and the lines of debug information are left out.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cuda_emulation::ptx {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Token {
  std::string_view text;
  unsigned line = 0;
};

std::vector<Token> tokens_of(const std::string& text);  // views into `text`

// Reads on through a range of tokens.
class Reader {
 public:
  Reader(const std::vector<Token>& tokens, std::size_t begin, std::size_t end)
      : tokens_(tokens), at_(begin), end_(end) {}

  bool done() const { return at_ >= end_; }
  std::size_t position() const { return at_; }
  unsigned line() const { return done() ? 0 : tokens_[at_].line; }
  std::string_view peek(std::size_t ahead = 0) const;
  std::string_view next();
  bool take(std::string_view expected);  // only if it is next
  void expect(std::string_view expected);
  void skip_to(std::string_view last);                       // past the next such word
  void skip_braces();                                        // past the block that opens here
  std::string text(std::size_t from, std::size_t to) const;  // joined by blanks

 private:
  const std::vector<Token>& tokens_;
  std::size_t at_, end_;
};

// "0x1F", "12", "0f3F800000" (the bits of a float), "0d..." (of a double).
std::uint64_t number_of(std::string_view text);
bool is_number(std::string_view text);

}  // namespace cuda_emulation::ptx
