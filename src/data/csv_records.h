// The records of delimited text. A field that begins with a quote ends with one, and may hold line
// ends; a quote in it is doubled.
#pragma once
#include <cstddef>
#include <cstdint>

namespace hornet {

struct CsvRecords {
  std::size_t bytes = 0;     // of the complete records, line ends included
  std::int64_t records = 0;  // that are not blank lines
};

// Of text that begins where a record does. `at_most`: records to go through.
CsvRecords complete_records(const char* text, std::size_t size, char separator, char quote,
                            std::int64_t at_most);

// Line ends within fields become these, so that every record is one line.
constexpr char kJoinedLine = '\x1e', kJoinedReturn = '\x1d';
// How many there were.
std::int64_t join_lines(char* text, std::size_t size, char separator, char quote);

}  // namespace hornet
