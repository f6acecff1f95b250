// Our side of images.py: decoding alone, and the picture pipeline without R around it. Answers each
// line "job workers passes" with the processor and wall seconds a picture.
//   decode     reads and decodes with libjpeg as the pipeline does, and drops the pixels
//   nearest    reads, decodes, resizes to 150 x 150 and augments, in batches of 20; nothing is kept
//   bilinear   the same with the other kernel
//   cached     nearest, of pictures kept in memory by a pass before
//   stored     nearest, of pictures that a file keeps
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "exec/device_memory.h"
#include "image/image_source.h"
#include "image/listing.h"

using namespace hornet;

// Without the GPU's part, which would pin it.
AlignedBuffer hornet::copy_buffer(std::size_t bytes) { return AlignedBuffer(bytes); }

namespace {

double processor_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void decode(const std::string& path) {
  static std::vector<unsigned char> file, pixels;
  std::FILE* f = std::fopen(path.c_str(), "rb");
  std::fseek(f, 0, SEEK_END);
  file.resize(static_cast<std::size_t>(std::ftell(f)));
  std::rewind(f);
  if (std::fread(file.data(), 1, file.size(), f) != file.size()) std::abort();
  std::fclose(f);
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, file.data(), file.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  const std::size_t row = static_cast<std::size_t>(info.output_width) * 3;
  pixels.resize(row * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW to = pixels.data() + row * info.output_scanline;
    jpeg_read_scanlines(&info, &to, 1);
  }
  jpeg_destroy_decompress(&info);
}

class Bench {
 public:
  Bench(const std::string& folder, const std::string& cache) : cache_(cache) {
    for (const std::string& name : list_images(folder, {}, false, 0, 1).filenames)
      paths_.push_back(folder + "/" + name);
    Augmentation& a = pipeline_.augmentation;
    a.rotation = 40;
    a.shear = 0.2;
    a.height_shift.kind = a.width_shift.kind = ShiftRange::Kind::uniform;
    a.height_shift.values = a.width_shift.values = {0.2};
    a.zoom[0] = 0.8;
    a.zoom[1] = 1.2;
    a.horizontal_flip = true;
    pipeline_.standardization.rescale = 1.0 / 255;
  }

  void run(const std::string& job, int workers, int passes) {
    if (job == "decode") {
      measure(passes, [&] {
        for (int i = 0; i < passes; ++i) {
          for (const std::string& path : paths_) decode(path);
        }
      });
      return;
    }
    const auto flow = flow_for(job);
    if (job == "cached" || job == "stored") drain(flow, 1, 1);
    measure(passes, [&] { drain(flow, workers, passes); });
  }

 private:
  template <class Work>
  void measure(int passes, Work work) {
    const auto start = std::chrono::steady_clock::now();
    const double before = processor_seconds();
    work();
    const double pictures = static_cast<double>(paths_.size()) * passes;
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    std::printf("%.9f %.9f\n", (processor_seconds() - before) / pictures, wall.count() / pictures);
    std::fflush(stdout);
  }

  std::shared_ptr<ImageFlow> flow_for(const std::string& job) {
    auto& flow = flows_[job];
    if (flow) return flow;
    FileSet::Options options;
    options.height = options.width = 150;
    options.kernel = job == "bilinear" ? ResizeKernel::bilinear : ResizeKernel::nearest;
    if (job == "cached") options.cache_bytes = default_cache_bytes();
    if (job == "stored") options.cache_folder = cache_;
    ImageFlow::Options order;
    order.batch_size = 20;
    flow =
        std::make_shared<ImageFlow>(std::make_shared<FileSet>(paths_, options), FlowData(), order);
    return flow;
  }

  void drain(const std::shared_ptr<ImageFlow>& flow, int workers, int passes) {
    ImageSource::Options options;
    options.workers = workers;
    options.total = std::int64_t{passes} * flow->batches();
    ImageSource source(std::make_shared<FlowRun>(flow, BatchOrder::shuffled), pipeline_, options);
    Batch batch;
    while (source.next(batch)) source.taken();
  }

  const std::string cache_;
  std::vector<std::string> paths_;
  Pipeline pipeline_;
  std::map<std::string, std::shared_ptr<ImageFlow>> flows_;
};

}  // namespace

// Arguments: the folder of pictures, and one for pictures kept in a file.
int main(int, char** argv) {
  Bench bench(argv[1], argv[2]);
  std::string job;
  for (int workers, passes; std::cin >> job >> workers >> passes;) bench.run(job, workers, passes);
}
