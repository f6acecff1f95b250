// Lower case for all of Unicode, whatever the locale.
#pragma once
#include <string>
#include <string_view>

namespace hornet {

// What Python's str.lower() gives: each character's full lower case, and a Greek sigma that ends
// its word becomes the final one. `text` is checked UTF-8. The result lies in `buffer`, which only
// grows, and is valid until its next use.
std::string_view lower_text(std::string_view text, std::string& buffer);

}  // namespace hornet
