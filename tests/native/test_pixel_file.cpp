// Pictures kept in a file: whatever happens to the file, what is read is the picture or nothing.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "image/pixel_file.h"

using namespace hornet;

namespace {

constexpr int kPictures = 8;
const PixelShape kShape{5, 7, 3};
const FileStamp kStamp{100, 200};

Pixels picture(std::size_t index) {
  Pixels pixels;
  std::uint8_t* data = pixels.reshape(kShape);
  for (std::size_t i = 0; i < kShape.bytes(); ++i)
    data[i] = static_cast<std::uint8_t>(i * 7 + index);
  return pixels;
}

bool is_picture(const Pixels& pixels, std::size_t index) {
  return pixels.shape == kShape &&
         std::memcmp(pixels.data(), picture(index).data(), kShape.bytes()) == 0;
}

std::vector<std::string> paths() {
  std::vector<std::string> names;
  for (int i = 0; i < kPictures; ++i) names.push_back("/pictures/" + std::to_string(i));
  return names;
}

// A folder that is gone afterwards.
struct Folder {
  std::string name = "/tmp/hornet-pixels-XXXXXX";
  Folder() {
    if (!mkdtemp(name.data())) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(name); }
  PixelFile open(const std::string& settings = "s") const {
    return {name, settings, paths(), kShape};
  }
  void fill() const {
    PixelFile file = open();
    for (std::size_t i = 0; i < kPictures; ++i) file.write(i, kStamp, picture(i));
  }
  // How many pictures are there; each of them is right.
  int count(const std::string& settings = "s", FileStamp stamp = kStamp) const {
    const PixelFile file = open(settings);
    Pixels pixels;
    int found = 0;
    for (std::size_t i = 0; i < kPictures; ++i) {
      if (!file.read(i, stamp, pixels)) continue;
      CHECK(is_picture(pixels, i));
      ++found;
    }
    return found;
  }
};

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void replace(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

int main() {
  test("pictures are found again, in their state and with their settings only", [] {
    Folder folder;
    CHECK(folder.count() == 0);
    folder.fill();
    CHECK(folder.count() == kPictures);
    CHECK(folder.count("other") == 0);
    CHECK(folder.count("s", {101, 200}) == 0);
    CHECK(folder.count("s", {100, 201}) == 0);
    CHECK(folder.count("s", FileStamp()) == 0);
    const PixelFile moved(folder.name, "s", {"/elsewhere"}, kShape);
    Pixels pixels;
    CHECK(!moved.read(0, kStamp, pixels));
  });

  test("a truncated file has fewer pictures", [] {
    Folder folder;
    folder.fill();
    const std::string path = folder.open().path(), whole = contents(path);
    int before = kPictures;
    for (std::size_t size = whole.size(); size-- > 0;) {
      CHECK(truncate(path.c_str(), static_cast<off_t>(size)) == 0);
      const int now = folder.count();
      CHECK(now <= before);
      before = now;
    }
    folder.fill();
    CHECK(folder.count() == kPictures);
  });

  test("a damaged slot is no picture", [] {
    Folder folder;
    folder.fill();
    const std::string path = folder.open().path(), whole = contents(path);
    std::mt19937 generator(1);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 + generator() % 255));
      replace(path, damaged);
      CHECK(folder.count() == kPictures - 1);
    }
    // Slots in each other's place, and nothing but noise.
    const std::size_t slot = whole.size() / kPictures;
    replace(path, whole.substr(slot) + whole.substr(0, slot));
    CHECK(folder.count() == 0);
    replace(path, std::string(whole.size(), '\0'));
    CHECK(folder.count() == 0);
  });

  test("a file that can't be written is a problem, and no more", [] {
    const PixelFile nowhere("/proc/no/such/folder", "s", paths(), kShape);
    CHECK(!nowhere.problem().empty());
    Folder folder;
    const std::string path = folder.open().path();
    std::filesystem::remove(path);
    CHECK(mkfifo(path.c_str(), 0600) == 0);
    CHECK(!folder.open().problem().empty());
    CHECK(folder.count() == 0);
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    PixelFile file = folder.open();
    CHECK(!file.problem().empty());
    file.write(0, kStamp, picture(0));
    CHECK(folder.count() == 0);
  });

  test("when the disk is full, what was written before stays", [] {
    Folder folder;
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 3 * (32 + kShape.bytes()) + 40;
    setrlimit(RLIMIT_FSIZE, &small);
    PixelFile file = folder.open();
    CHECK(file.problem().empty());
    for (std::size_t i = 0; i < kPictures; ++i) file.write(i, kStamp, picture(i));
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(!file.problem().empty());
    CHECK(folder.count() == 3);
  });

  test("a file that may only be read is a problem only when something is missing", [] {
    Folder folder;
    folder.fill();
    const std::string path = folder.open().path();
    chmod(path.c_str(), 0444);
    chmod(folder.name.c_str(), 0555);
    const bool root = geteuid() == 0;
    if (root) CHECK(seteuid(65534) == 0);
    {
      PixelFile file = folder.open();
      CHECK(folder.count() == kPictures);
      CHECK(file.problem().empty());
      file.write(0, FileStamp{1, 2}, picture(0));
      CHECK(file.problem().find("Permission denied") != std::string::npos);
      CHECK(folder.count() == kPictures);
    }
    if (root) CHECK(seteuid(0) == 0);
    chmod(folder.name.c_str(), 0755);
  });

  test("several write and read at once", [] {
    Folder folder;
    std::atomic<bool> wrong{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        PixelFile file = folder.open();  // as another process would
        Pixels pixels;
        for (int round = 0; round < 200; ++round) {
          const std::size_t i = static_cast<std::size_t>(round * 3 + t) % kPictures;
          if (!file.read(i, kStamp, pixels)) file.write(i, kStamp, picture(i));
          else if (!is_picture(pixels, i)) wrong = true;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(!wrong);
    CHECK(folder.count() == kPictures);
  });
  return check_result();
}
