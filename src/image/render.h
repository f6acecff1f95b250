// One picture of a batch, from the data set to its place in the batch.
#pragma once
#include <string>

#include "image/augment.h"
#include "image/image_flow.h"

namespace hornet {

// Where augmented pictures are also written for the user to look at.
struct SaveOptions {
  std::string directory, prefix, format = "png";  // no directory: nowhere
};

// What is done to every picture of a flow.
struct Pipeline {
  Augmentation augmentation;
  Standardization standardization;
  bool standardize = true;       // no: somebody else will
  bool channels_first = false;   // of what is delivered
  bool skip_unreadable = false;  // leave a picture that can't be read out of its batch
  SaveOptions save;
};

struct RenderScratch {
  LoadScratch load;
  AugmentScratch augment;
  std::vector<float> interleaved;  // before channels come first
  Pixels saved;
};

// The shape of a delivered picture, -1 first.
Shape delivered_shape(const PixelShape& shape, const Pipeline& pipeline);

// Renders sample `i` of a plan to `out`. Throws Error naming the picture, Stopped.
void render(const ImageSet& set, const BatchPlan& plan, std::size_t i, const Pipeline& pipeline,
            RenderScratch& scratch, const std::atomic<bool>& stop, float* out);

// Writes floats as a picture file, stretched to 0..255 or cut to it. The kind of file follows
// `format` ("png", "jpg" or "jpeg"); JPEG drops alpha. Throws Error naming the file.
void save_image(const std::string& path, const std::string& format, const PixelShape& shape,
                const float* x, bool stretch, Pixels& scratch);

}  // namespace hornet
