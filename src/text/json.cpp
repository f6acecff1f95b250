#include "text/json.h"

#include <cstdint>
#include <cstdio>

#include "base/utf8.h"

namespace hornet {
namespace {

void append_unit(std::uint32_t unit, std::string& out) {
  char escape[8];
  std::snprintf(escape, sizeof escape, "\\u%04x", unit & 0xffff);
  out += escape;
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  static const std::string kShort = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
  out += '"';
  for (const char *p = text.data(), *end = p + text.size(); p != end;) {
    const std::uint32_t point = utf8_next(p);
    const std::size_t special =
        point < 0x80 ? kShort.find(static_cast<char>(point)) : std::string::npos;
    if (special != std::string::npos) {
      out += '\\';
      out += kLetters[special];
    } else if (point >= ' ' && point <= '~') {
      out += static_cast<char>(point);
    } else if (point < 0x10000) {
      append_unit(point, out);
    } else {
      append_unit(0xd7c0 + (point >> 10), out);
      append_unit(0xdc00 + (point & 0x3ff), out);
    }
  }
  out += '"';
}

}  // namespace hornet
