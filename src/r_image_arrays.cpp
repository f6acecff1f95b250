// Single pictures and arrays of pictures for R: loading, saving, resizing, transforming, fitting.
#include <cmath>
#include <numeric>

#include "image/formats.h"
#include "r_image.h"
#include "r_places.h"

using namespace hornet;

namespace hornet {

SEXP list_field(SEXP list, const char* name) {
  SEXP names = Rf_getAttrib(list, R_NamesSymbol);
  for (R_xlen_t i = 0; i < Rf_xlength(names); ++i) {
    if (std::string(CHAR(STRING_ELT(names, i))) == name) return VECTOR_ELT(list, i);
  }
  return R_NilValue;
}

namespace {

std::int64_t product(const std::vector<std::int64_t>& dims, std::size_t from = 0) {
  return std::accumulate(dims.begin() + static_cast<std::ptrdiff_t>(from), dims.end(),
                         std::int64_t{1}, std::multiplies<std::int64_t>());
}

// The axes of an R array in the order in which we store them.
std::vector<std::size_t> stored_axes(std::size_t rank, bool channels_first) {
  std::vector<std::size_t> axes(rank);
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  if (channels_first && rank >= 3) {
    const std::size_t channels = rank - 3;
    axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(channels));
    axes.push_back(channels);
  }
  return axes;
}

// A picture alone has no axis of rows.
std::size_t row_axes(const std::vector<std::int64_t>& dims) { return dims.size() == 3 ? 0 : 1; }

}  // namespace

std::vector<std::int64_t> dims_of(SEXP x) {
  SEXP dim = Rf_getAttrib(x, R_DimSymbol);
  if (Rf_isNull(dim)) return {static_cast<std::int64_t>(Rf_xlength(x))};
  const Rcpp::NumericVector numbers(dim);
  return std::vector<std::int64_t>(numbers.begin(), numbers.end());
}

void floats_from_r(SEXP x, bool channels_first, float* out) {
  const auto dims = dims_of(x);
  const std::size_t first = row_axes(dims);
  const auto offsets = column_major_offsets(dims, stored_axes(dims.size(), channels_first), first);
  const std::int64_t rows = first ? dims[0] : 1;
  const auto convert = [&](const auto* in, auto to_float) {
    visit_places(offsets, rows,
                 [=](std::int64_t from, std::int64_t to) { out[to] = to_float(in[from]); });
  };
  const auto integer = [](int v) { return v == NA_INTEGER ? NAN : static_cast<float>(v); };
  switch (TYPEOF(x)) {
    case REALSXP:
      return convert(REAL(x), [](double v) { return static_cast<float>(v); });
    case INTSXP:
      return convert(INTEGER(x), integer);
    case LGLSXP:
      return convert(LOGICAL(x), integer);
    default:
      throw Error(
          std::string("expected an array of numbers, got one of type ") + Rf_type2char(TYPEOF(x)),
          "value");
  }
}

SEXP floats_to_r(const float* x, const std::vector<std::int64_t>& dims, bool channels_first) {
  const std::size_t first = row_axes(dims);
  const auto offsets = column_major_offsets(dims, stored_axes(dims.size(), channels_first), first);
  const auto size = static_cast<R_xlen_t>(product(dims));
  Rcpp::NumericVector result(r_protect([&]() -> SEXP { return Rf_allocVector(REALSXP, size); }));
  double* out = result.begin();
  visit_places(offsets, first ? dims[0] : 1,
               [=](std::int64_t to, std::int64_t from) { out[to] = x[from]; });
  Rcpp::IntegerVector dim(dims.begin(), dims.end());
  result.attr("dim") = dim;
  return result;
}

PixelShape picture_shape(SEXP x, bool channels_first) {
  const auto dims = dims_of(x);
  if (dims.size() < 3) throw shape_error("expected an array of pictures");
  const std::size_t at = dims.size() - 3;
  auto size = [&](std::size_t axis) { return static_cast<int>(dims[at + axis]); };
  if (product(dims, at) < 1) throw shape_error("expected pictures with pixels");
  return channels_first ? PixelShape{size(1), size(2), size(0)}
                        : PixelShape{size(0), size(1), size(2)};
}

namespace {

ShiftRange shift_from_r(SEXP list) {
  ShiftRange range;
  const auto kind = list_value<std::string>(list, "kind");
  range.values = list_value<std::vector<double>>(list, "values");
  if (kind == "uniform") range.kind = ShiftRange::Kind::uniform;
  else if (kind == "integer") range.kind = ShiftRange::Kind::integer;
  else if (kind == "choice") range.kind = ShiftRange::Kind::choice;
  return range;
}

}  // namespace

Augmentation augmentation_from_r(SEXP list) {
  Augmentation a;
  a.rotation = list_value<double>(list, "rotation");
  a.shear = list_value<double>(list, "shear");
  a.channel_shift = list_value<double>(list, "channel_shift");
  a.height_shift = shift_from_r(list_field(list, "height_shift"));
  a.width_shift = shift_from_r(list_field(list, "width_shift"));
  const auto zoom = list_value<std::vector<double>>(list, "zoom");
  std::copy_n(zoom.begin(), 2, a.zoom);
  a.horizontal_flip = list_value<bool>(list, "horizontal_flip");
  a.vertical_flip = list_value<bool>(list, "vertical_flip");
  SEXP brightness = list_field(list, "brightness");
  a.has_brightness = !Rf_isNull(brightness);
  if (a.has_brightness) {
    const auto range = Rcpp::as<std::vector<double>>(brightness);
    std::copy_n(range.begin(), 2, a.brightness);
  }
  const auto fill = list_value<std::string>(list, "fill_mode");
  a.fill = fill == "constant"  ? FillMode::constant
           : fill == "reflect" ? FillMode::reflect
           : fill == "wrap"    ? FillMode::wrap
                               : FillMode::nearest;
  a.cval = static_cast<float>(list_value<double>(list, "cval"));
  return a;
}

Standardization standardization_from_r(SEXP list) {
  Standardization s;
  if (list_value<bool>(list, "imagenet")) s.preprocess = Preprocess::imagenet;
  SEXP arithmetic = list_field(list, "arithmetic");
  if (!Rf_isNull(arithmetic)) {
    s.preprocess = Preprocess::arithmetic;
    const auto operators = list_value<std::vector<std::string>>(arithmetic, "operators");
    const auto numbers = list_value<std::vector<double>>(arithmetic, "numbers");
    for (std::size_t i = 0; i < numbers.size(); ++i)
      s.arithmetic.push_back({operators[i][0], numbers[i]});
  }
  s.rescale = list_value<double>(list, "rescale");
  s.samplewise_center = list_value<bool>(list, "samplewise_center");
  s.samplewise_std = list_value<bool>(list, "samplewise_std");
  s.featurewise_center = list_value<bool>(list, "featurewise_center");
  s.featurewise_std = list_value<bool>(list, "featurewise_std");
  s.whiten = list_value<bool>(list, "whiten");
  SEXP statistics = list_field(list, "statistics");
  if (!Rf_isNull(statistics)) s.statistics = get_handle<Statistics>(statistics, kStatisticsHandle);
  return s;
}

Pipeline pipeline_from_r(SEXP list) {
  Pipeline p;
  p.augmentation = augmentation_from_r(list_field(list, "augmentation"));
  p.standardization = standardization_from_r(list_field(list, "standardization"));
  p.standardize = list_value<bool>(list, "standardize");
  p.channels_first = list_value<bool>(list, "channels_first");
  p.skip_unreadable = list_value<bool>(list, "skip_unreadable");
  SEXP save = list_field(list, "save");
  if (!Rf_isNull(save)) {
    p.save.directory = list_value<std::string>(save, "directory");
    p.save.prefix = list_value<std::string>(save, "prefix");
    p.save.format = list_value<std::string>(save, "format");
  }
  return p;
}

ColorMode color_mode_from_r(SEXP name) {
  const auto mode = Rcpp::as<std::string>(name);
  return mode == "grayscale" ? ColorMode::grayscale
         : mode == "rgba"    ? ColorMode::rgba
                             : ColorMode::rgb;
}

ResizeKernel resize_kernel_from_r(SEXP name) {
  static const char* names[] = {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"};
  const auto wanted = Rcpp::as<std::string>(name);
  for (int i = 0; i < 6; ++i) {
    if (wanted == names[i]) return static_cast<ResizeKernel>(i);
  }
  throw Error("there is no interpolation \"" + wanted + "\"", "value");
}

DecodeLimits decode_limits_from_r(SEXP max_pixels) {
  DecodeLimits limits;
  if (!Rf_isNull(max_pixels))
    limits.max_pixels = static_cast<std::int64_t>(Rcpp::as<double>(max_pixels));
  return limits;
}

}  // namespace hornet

namespace {

// One picture of R's as floats, padded for the kernels.
struct Picture {
  PixelShape shape;
  std::vector<float> values;

  Picture(SEXP x, bool channels_first) : shape(picture_shape(x, channels_first)) {
    values.resize(shape.bytes() + kPixelPadding);
    floats_from_r(x, channels_first, values.data());
  }
  ImageView view() const {
    ImageView v;
    v.shape = shape;
    v.floats = values.data();
    return v;
  }
};

std::vector<std::int64_t> with_shape(const PixelShape& s, bool channels_first) {
  if (channels_first) return {s.channels, s.height, s.width};
  return {s.height, s.width, s.channels};
}

}  // namespace

// Bytes of a picture: channels fastest, then columns, then rows.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_load(SEXP path, SEXP color_mode, int height, int width, SEXP interpolation,
                    SEXP max_pixels) {
  return glue_entry("cpp_image_load", [&]() -> SEXP {
    static const std::atomic<bool> never{false};
    LoadScratch scratch;
    DecodeLimits limits = decode_limits_from_r(max_pixels);
    limits.stop = &never;
    Pixels* pixels = nullptr;
    load_resized(Rcpp::as<std::string>(path), color_mode_from_r(color_mode), height, width,
                 resize_kernel_from_r(interpolation), limits, scratch, pixels);
    const auto size = static_cast<R_xlen_t>(pixels->shape.bytes());
    Rcpp::RawVector bytes(r_protect([&]() -> SEXP { return Rf_allocVector(RAWSXP, size); }));
    std::copy_n(pixels->data(), size, bytes.begin());
    bytes.attr("dim") = Rcpp::IntegerVector::create(pixels->shape.channels, pixels->shape.width,
                                                    pixels->shape.height);
    return bytes;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_image_to_array(SEXP bytes, bool channels_first) {
  return glue_entry("cpp_image_to_array", [&]() -> SEXP {
    const auto dims = dims_of(bytes);
    const PixelShape shape{static_cast<int>(dims[2]), static_cast<int>(dims[1]),
                           static_cast<int>(dims[0])};
    std::vector<float> values(RAW(bytes), RAW(bytes) + Rf_xlength(bytes));
    return floats_to_r(values.data(), with_shape(shape, channels_first), channels_first);
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_image_save(SEXP path, SEXP format, SEXP x, bool channels_first, bool stretch) {
  return glue_entry("cpp_image_save", [&]() -> SEXP {
    const Picture picture(x, channels_first);
    Pixels scratch;
    save_image(Rcpp::as<std::string>(path), Rcpp::as<std::string>(format), picture.shape,
               picture.values.data(), stretch, scratch);
    return R_NilValue;
  });
}

// x: one picture, or rows of pictures.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_zoom(SEXP x, int height, int width, bool channels_first) {
  return glue_entry("cpp_image_zoom", [&]() -> SEXP {
    auto dims = dims_of(x);
    const PixelShape shape = picture_shape(x, channels_first);
    const std::int64_t rows = dims.size() == 4 ? dims[0] : 1;
    std::vector<float> in(static_cast<std::size_t>(rows) * shape.bytes());
    floats_from_r(x, channels_first, in.data());
    const std::size_t n = static_cast<std::size_t>(height) * width * shape.channels;
    std::vector<float> out(static_cast<std::size_t>(rows) * n);
    for (std::int64_t i = 0; i < rows; ++i) {
      zoom(in.data() + shape.bytes() * i, shape, height, width, out.data() + n * i);
    }
    const std::size_t at = dims.size() - (channels_first ? 2 : 3);
    dims[at] = height;
    dims[at + 1] = width;
    return floats_to_r(out.data(), dims, channels_first);
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_image_draw(SEXP augmentation, int height, int width, double seed) {
  return glue_entry("cpp_image_draw", [&]() -> SEXP {
    NumpyRandom random(static_cast<std::uint32_t>(static_cast<std::uint64_t>(seed)));
    const TransformParams p =
        draw_transform(augmentation_from_r(augmentation), random, height, width);
    Rcpp::RObject shift, brightness;
    if (p.has_channel_shift) shift = Rcpp::wrap(p.channel_shift);
    if (p.has_brightness) brightness = Rcpp::wrap(p.brightness);
    return Rcpp::List::create(
        Rcpp::Named("theta") = p.theta, Rcpp::Named("tx") = p.tx, Rcpp::Named("ty") = p.ty,
        Rcpp::Named("shear") = p.shear, Rcpp::Named("zx") = p.zx, Rcpp::Named("zy") = p.zy,
        Rcpp::Named("flip_horizontal") = p.flip_horizontal,
        Rcpp::Named("flip_vertical") = p.flip_vertical,
        Rcpp::Named("channel_shift_intensity") = shift, Rcpp::Named("brightness") = brightness);
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_image_transform(SEXP x, bool channels_first, SEXP augmentation, SEXP params) {
  return glue_entry("cpp_image_transform", [&]() -> SEXP {
    const Picture picture(x, channels_first);
    TransformParams p;
    auto number = [&](const char* name, double otherwise) {
      SEXP value = list_field(params, name);
      return Rf_isNull(value) ? otherwise : Rcpp::as<double>(value);
    };
    p.theta = number("theta", 0);
    p.tx = number("tx", 0);
    p.ty = number("ty", 0);
    p.shear = number("shear", 0);
    p.zx = number("zx", 1);
    p.zy = number("zy", 1);
    p.flip_horizontal = number("flip_horizontal", 0) != 0;
    p.flip_vertical = number("flip_vertical", 0) != 0;
    p.has_channel_shift = !Rf_isNull(list_field(params, "channel_shift_intensity"));
    p.channel_shift = number("channel_shift_intensity", 0);
    p.has_brightness = !Rf_isNull(list_field(params, "brightness"));
    p.brightness = number("brightness", 1);
    std::vector<float> out(picture.shape.bytes());
    apply_transform(picture.view(), augmentation_from_r(augmentation), p, 1, out.data());
    return floats_to_r(out.data(), with_shape(picture.shape, channels_first), channels_first);
  });
}

// x: one picture, or rows of pictures, each standardized by itself.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_standardize(SEXP x, bool channels_first, SEXP standardization) {
  return glue_entry("cpp_image_standardize", [&]() -> SEXP {
    const auto dims = dims_of(x);
    const PixelShape shape = picture_shape(x, channels_first);
    const std::int64_t rows = dims.size() == 4 ? dims[0] : 1;
    std::vector<float> values(static_cast<std::size_t>(rows) * shape.bytes());
    floats_from_r(x, channels_first, values.data());
    const Standardization s = standardization_from_r(standardization);
    AugmentScratch scratch;
    for (std::int64_t i = 0; i < rows; ++i)
      standardize(s, shape, scratch, values.data() + shape.bytes() * i);
    return floats_to_r(values.data(), dims, channels_first);
  });
}

// What fit_image_data_generator() needs: list(mean, std, x), x the centered pictures as rows if
// they are wanted for whitening. rounds = 0: as they are, else that many augmented rounds.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_fit(SEXP x, bool channels_first, SEXP augmentation, int rounds, double seed,
                   bool center, bool scale, bool whiten) {
  return glue_entry("cpp_image_fit", [&]() -> SEXP {
    const PixelShape shape = picture_shape(x, channels_first);
    const std::size_t width = shape.bytes(), channels = static_cast<std::size_t>(shape.channels);
    const auto given = static_cast<std::size_t>(dims_of(x)[0]);
    std::vector<float> values(given * width + kPixelPadding);
    floats_from_r(x, channels_first, values.data());
    std::size_t n = given;
    if (rounds > 0) {
      const Augmentation a = augmentation_from_r(augmentation);
      NumpyRandom random(static_cast<std::uint32_t>(static_cast<std::uint64_t>(seed)));
      n = given * static_cast<std::size_t>(rounds);
      std::vector<float> augmented(n * width);
      for (std::size_t i = 0; i < n; ++i) {
        ImageView view;
        view.shape = shape;
        view.floats = values.data() + (i % given) * width;
        apply_transform(view, a, draw_transform(a, random, shape.height, shape.width), 1,
                        &augmented[i * width]);
      }
      values.swap(augmented);
    }
    const std::size_t total = n * width;
    const double per_channel = static_cast<double>(total / channels);
    std::vector<double> mean(channels, 0), std(channels, 0);
    if (center) {
      for (std::size_t i = 0; i < total; ++i) mean[i % channels] += values[i];
      for (double& m : mean) m = static_cast<float>(m / per_channel);
      for (std::size_t i = 0; i < total; ++i) values[i] -= static_cast<float>(mean[i % channels]);
    }
    if (scale) {
      std::vector<double> average(channels, 0);
      for (std::size_t i = 0; i < total; ++i) average[i % channels] += values[i];
      for (double& m : average) m /= per_channel;
      for (std::size_t i = 0; i < total; ++i) {
        const double d = values[i] - average[i % channels];
        std[i % channels] += d * d;
      }
      for (double& s : std) s = static_cast<float>(std::sqrt(s / per_channel));
    }
    Rcpp::RObject rows;
    if (whiten) {
      Rcpp::NumericMatrix matrix(static_cast<int>(n), static_cast<int>(width));
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < width; ++j)
          matrix(static_cast<int>(i), static_cast<int>(j)) = values[i * width + j];
      }
      rows = matrix;
    }
    Rcpp::RObject means, stds;
    if (center) means = Rcpp::wrap(mean);
    if (scale) stds = Rcpp::wrap(std);
    return Rcpp::List::create(Rcpp::Named("mean") = means, Rcpp::Named("std") = stds,
                              Rcpp::Named("x") = rows);
  });
}

// Any of the three may be NULL. `principal` is a symmetric matrix.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_statistics(SEXP mean, SEXP std, SEXP principal) {
  return glue_entry("cpp_image_statistics", [&]() -> SEXP {
    auto statistics = std::make_shared<Statistics>();
    auto take = [](SEXP from, std::vector<float>& to) {
      if (Rf_isNull(from)) return;
      const Rcpp::NumericVector numbers(from);
      to.assign(numbers.begin(), numbers.end());
    };
    take(mean, statistics->mean);
    take(std, statistics->std);
    take(principal, statistics->principal);
    return make_handle<Statistics>(std::move(statistics), kStatisticsHandle);
  });
}
