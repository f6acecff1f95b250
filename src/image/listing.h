// The pictures in a folder of class folders.
#pragma once
#include <string>
#include <vector>

namespace hornet {

struct ImageListing {
  std::vector<std::string> filenames;    // "class/sub/file.jpg", relative to the directory
  std::vector<int> classes;              // 0-based, of each file
  std::vector<std::string> class_names;  // their index is their place
  bool has_tiff = false;
};

// Names of pictures end in png, jpg, jpeg, bmp, ppm, tif or tiff, in any case.
bool has_image_extension(const std::string& name);

// `class_names` empty: the sub-directories, sorted by bytes. In a class: directories by their path,
// files by bytes within each. Linked sub-directories only with `follow_links`; a link to one of its
// own parents is passed over. Of each class the files [int(from n), int(to n)) are kept.
ImageListing list_images(const std::string& directory, std::vector<std::string> class_names,
                         bool follow_links, double from, double to);

}  // namespace hornet
