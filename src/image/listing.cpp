#include "image/listing.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <set>

#include "base/error.h"

namespace hornet {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string extension_of(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::string() : lower(name.substr(dot + 1));
}

struct Folder {
  std::string path;  // from the class folder's parent: "cats/sub"
  std::vector<std::string> files;
};

// Links among folders can make more ways through them than there is time for.
constexpr int kMaxRepeats = 10000;

struct Walk {
  bool follow_links;
  std::vector<fs::path> parents = {};
  std::set<fs::path> seen = {};
  int repeats = 0;
  std::vector<Folder> folders = {};

  // Unreadable folders are passed over, as the reference does.
  void enter(const fs::path& folder, const std::string& name) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (error || std::find(parents.begin(), parents.end(), real) != parents.end()) return;
    if (!seen.insert(real).second && ++repeats > kMaxRepeats) {
      throw Error("\"" + folder.string() + "\": links lead to the same folders again and again")
          .hint("Remove links, or don't follow them (follow_links = FALSE).");
    }
    parents.push_back(real);
    Folder here{name, {}};
    std::vector<std::string> subfolders;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      const std::string entry = it->path().filename().string();
      if (it->is_directory(ignored)) {
        if (follow_links || !it->is_symlink(ignored)) subfolders.push_back(entry);
      } else if (has_image_extension(entry)) {
        here.files.push_back(entry);
      }
    }
    std::sort(here.files.begin(), here.files.end());
    folders.push_back(std::move(here));
    for (const std::string& sub : subfolders) enter(folder / sub, name + "/" + sub);
    parents.pop_back();
  }
};

}  // namespace

bool has_image_extension(const std::string& name) {
  static const std::array<const char*, 7> known = {"png", "jpg", "jpeg", "bmp",
                                                   "ppm", "tif", "tiff"};
  return std::find(known.begin(), known.end(), extension_of(name)) != known.end();
}

ImageListing list_images(const std::string& directory, std::vector<std::string> class_names,
                         bool follow_links, double from, double to) {
  const fs::path root(directory);
  std::error_code error;
  if (!fs::is_directory(root, error)) { throw Error("\"" + directory + "\" is not a directory"); }
  ImageListing listing;
  if (class_names.empty()) {
    for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      if (it->is_directory(ignored)) class_names.push_back(it->path().filename().string());
    }
    if (error) throw Error("\"" + directory + "\" can't be listed: " + error.message());
    std::sort(class_names.begin(), class_names.end());
  }
  for (std::size_t k = 0; k < class_names.size(); ++k) {
    Walk walk{follow_links};
    walk.enter(root / class_names[k], class_names[k]);
    std::vector<Folder>& folders = walk.folders;
    std::sort(folders.begin(), folders.end(),
              [](const Folder& a, const Folder& b) { return a.path < b.path; });
    std::vector<std::string> files;
    for (const Folder& folder : folders) {
      for (const std::string& file : folder.files) files.push_back(folder.path + "/" + file);
    }
    const auto n = static_cast<double>(files.size());
    for (auto i = static_cast<std::size_t>(from * n); i < static_cast<std::size_t>(to * n); ++i) {
      const std::string extension = extension_of(files[i]);
      if (extension == "tif" || extension == "tiff") listing.has_tiff = true;
      listing.filenames.push_back(std::move(files[i]));
      listing.classes.push_back(static_cast<int>(k));
    }
  }
  listing.class_names = std::move(class_names);
  return listing;
}

}  // namespace hornet
