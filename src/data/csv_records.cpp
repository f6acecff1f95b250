#include "data/csv_records.h"

namespace hornet {
namespace {

// Character after character of text that begins with a record: is it within quotes?
class Quoting {
 public:
  Quoting(char separator, char quote) : separator_(separator), quote_(quote) {}

  bool inside(char c) {
    if (quoted_) {  // a doubled quote leaves the field and enters it again
      quoted_ = c != quote_;
      left_ = !quoted_;
      return quoted_;
    }
    quoted_ = c == quote_ && (field_start_ || left_);
    left_ = false;
    field_start_ = c == separator_ || c == '\n';
    return quoted_;
  }

 private:
  const char separator_, quote_;
  bool quoted_ = false, field_start_ = true;
  bool left_ = false;  // the character before was a quote that ended the field
};

}  // namespace

CsvRecords complete_records(const char* text, std::size_t size, char separator, char quote,
                            std::int64_t at_most) {
  CsvRecords done;
  Quoting quoting(separator, quote);
  bool blank = true;
  for (std::size_t i = 0; i < size && done.records < at_most; ++i) {
    if (!quoting.inside(text[i]) && text[i] == '\n') {
      done.records += blank ? 0 : 1;
      done.bytes = i + 1;
      blank = true;
    } else {
      blank = blank && text[i] == '\r';
    }
  }
  return done;
}

std::int64_t join_lines(char* text, std::size_t size, char separator, char quote) {
  Quoting quoting(separator, quote);
  std::int64_t joined = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (!quoting.inside(text[i]) || (text[i] != '\n' && text[i] != '\r')) continue;
    text[i] = text[i] == '\n' ? kJoinedLine : kJoinedReturn;
    ++joined;
  }
  return joined;
}

}  // namespace hornet
