// Strings as Python's json writes them: ASCII only.
#pragma once
#include <string>
#include <string_view>

namespace hornet {

// Appends checked UTF-8 in quotes. Characters beyond ASCII become \u escapes, as pairs of
// surrogates where one is not enough.
void append_json_string(std::string_view text, std::string& out);

}  // namespace hornet
