// augment: takes the images of a batch from a data set of bytes, moves, resizes and rotates each as its row of `places`
// says, changes its colours as its row of `colours` says, and normalises every channel. A mean image is indexed by the
// pixel's place in the whole image, so it is moved with it.
#include <omp.h>

#include <algorithm>
#include <limits>

#include "cpu/augmentation/fetch.h"
#include "cpu/augmentation/sampler.h"
#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"
#include "shared/augmentation_checks.h"

namespace saturnn::cpu {

namespace {

constexpr int64_t fewRows = 16;  // of an image, where threads share images

template <typename T>
class Augment final : public Kernel {
 public:
  Augment(const SnOpDesc& desc, Device& device) : simd_(*device.simd) {
    requireAugmentation(desc);
    const SnTensor &images = desc.inputs[0], &mean = desc.inputs[4], &y = desc.outputs[0];
    requireImage(y, "y", storedAs<T>);
    requireDense(y, "y");
    images_ = images.shape[0];
    batch_ = y.shape[0];
    shape_ = {images.shape[1], images.shape[2], y.shape[1], y.shape[2], y.shape[3], mean.rank == 3};
    hasPlaces_ = isPresent(desc.inputs[2]);
    hasColours_ = isPresent(desc.inputs[3]);
    // The weights of columns are computed anew for each band, so there are no more bands than the threads need.
    bandRows_ = batch_ >= 4 * device.threads ? shape_.height : std::min(fewRows, shape_.height);
    repeatedMean_ = reserveScratch(shape_.row() * sizeof(float));
    inverseDeviation_ = reserveScratch(shape_.row() * sizeof(float));
    const int64_t rows = hasColours_ && hasPlaces_ ? shape_.height : 1;  // those that are not copied are kept
    pixelBytes_ = ((rows - 1) * shape_.row() + Sampler::rowFloats(shape_)) * sizeof(float);
    pixelBytes_ = (pixelBytes_ + 63) / 64 * 64;
    samplerBytes_ = (Sampler::scratchBytes(shape_) + 63) / 64 * 64;
    perThread_ = reserveScratch(device.threads * (pixelBytes_ + samplerBytes_));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    Call call{static_cast<const uint8_t*>(inputs[0]),
              static_cast<const int32_t*>(inputs[1]),
              static_cast<const Place*>(inputs[2]),
              static_cast<const Colours*>(inputs[3]),
              static_cast<const float*>(inputs[4]),
              static_cast<T*>(outputs[0]),
              static_cast<char*>(scratch)};
    for (int64_t i = 0; i < shape_.row(); ++i) {
      const int64_t channel = i % shape_.channels;
      call.meanRow(*this)[i] = shape_.meanPerPixel ? 0.0f : call.mean[channel];
      call.inverseRow(*this)[i] = static_cast<const float*>(inputs[5])[channel];
    }
    if (hasColours_) {
#pragma omp parallel for schedule(static)
      for (int64_t n = 0; n < batch_; ++n) colourImage(call, n);
    } else {
      const int64_t bands = (shape_.height + bandRows_ - 1) / bandRows_;
#pragma omp parallel for collapse(2) schedule(static)
      for (int64_t n = 0; n < batch_; ++n) {
        for (int64_t band = 0; band < bands; ++band) plainRows(call, n, band * bandRows_);
      }
    }
  }

 private:
  struct Call {
    const uint8_t* images;
    const int32_t* indices;
    const Place* places;
    const Colours* colours;
    const float* mean;
    T* y;
    char* scratch;

    // The mean and the inverse deviation of every channel, repeated for every pixel of a row.
    float* meanRow(const Augment& op) const { return reinterpret_cast<float*>(scratch + op.repeatedMean_); }
    float* inverseRow(const Augment& op) const { return reinterpret_cast<float*>(scratch + op.inverseDeviation_); }
    char* ofThisThread(const Augment& op) const {
      return scratch + op.perThread_ + omp_get_thread_num() * (op.pixelBytes_ + op.samplerBytes_);
    }
  };

  // Begins the image of row n of the batch. False if it is NaN: its index or its place is none.
  bool begin(const Call& call, int64_t n, Sampler& sampler) const {
    const int64_t image = call.indices[n];
    const Place place = hasPlaces_ ? call.places[n]
                                   : centrePlace(static_cast<int32_t>(shape_.sourceHeight - shape_.height),
                                                 static_cast<int32_t>(shape_.sourceWidth - shape_.width));
    if (image < 0 || image >= images_ || !isFinitePlace(place)) return false;
    sampler.begin(call.images + image * shape_.sourceHeight * shape_.sourceRow(), call.mean, place);
    return true;
  }

  T* rowOf(const Call& call, int64_t n, int64_t h) const { return call.y + (n * shape_.height + h) * shape_.row(); }

  void plainRows(const Call& call, int64_t n, int64_t first) const {
    const int64_t end = std::min(first + bandRows_, shape_.height);
    char* memory = call.ofThisThread(*this);
    auto* pixels = reinterpret_cast<float*>(memory);
    Sampler sampler(shape_, simd_, memory + pixelBytes_);
    if (!begin(call, n, sampler)) return makeNaN(rowOf(call, n, first), (end - first) * shape_.row());
    for (int64_t h = first; h < end; ++h) {
      T* y = rowOf(call, n, h);
      if (sampler.copies()) {
        copyRow(call, call.images + call.indices[n] * shape_.sourceHeight * shape_.sourceRow(), sampler, h, y);
      } else {
        fetchForStores(y, shape_.row() * sizeof(T));  // while the pixels are computed
        sampler.row(h, pixels);
        imageLoops<T>(simd_).normalizeRow(pixels, call.meanRow(*this), call.inverseRow(*this), y, shape_.row());
      }
    }
  }

  void copyRow(const Call& call, const uint8_t* image, const Sampler& sampler, int64_t h, T* y) const {
    const int64_t row = sampler.copiedRow(h);
    const Sampler::Columns columns = sampler.copiedColumns();
    const int64_t channels = shape_.channels;
    const int64_t first = row < 0 ? shape_.width : columns.first, last = row < 0 ? shape_.width : columns.last;
    std::fill(y, y + first * channels, narrow<T>(0.0f));
    std::fill(y + last * channels, y + shape_.row(), narrow<T>(0.0f));
    if (first == last) return;
    const int64_t begin = row * shape_.sourceRow() + columns.leftmost() * channels;
    if (columns.mirror) fetchForLoads(image + begin + shape_.sourceRow(), (last - first) * channels);  // the next row
    imageLoops<T>(simd_).augment({image + begin, shape_.meanPerPixel ? call.mean + begin : call.meanRow(*this),
                                  call.inverseRow(*this), y + first * channels, last - first, channels, columns.mirror,
                                  shape_.meanPerPixel});
  }

  void colourImage(const Call& call, int64_t n) const {
    char* memory = call.ofThisThread(*this);
    auto* pixels = reinterpret_cast<float*>(memory);
    Sampler sampler(shape_, simd_, memory + pixelBytes_);
    const Colours& colours = call.colours[n];
    if (!begin(call, n, sampler)) return makeNaN(rowOf(call, n, 0), shape_.height * shape_.row());
    // A row of a copy is made twice, because that is cheaper than to keep it.
    const int64_t kept = sampler.copies() ? 0 : shape_.row();
    double grey = 0.0;
    for (int64_t h = 0; h < shape_.height; ++h) {
      sampler.row(h, pixels + h * kept);
      grey += simd_.sumGreys(pixels + h * kept, shape_.width, shape_.channels, colours.brightness);
    }
    const auto mean = static_cast<float>(grey / static_cast<double>(shape_.height * shape_.width));
    for (int64_t h = 0; h < shape_.height; ++h) {
      fetchForStores(rowOf(call, n, h), shape_.row() * sizeof(T));
      if (kept == 0) sampler.row(h, pixels);
      imageLoops<T>(simd_).recolour({pixels + h * kept, shape_.width, shape_.channels, colours, mean,
                                     call.meanRow(*this), call.inverseRow(*this), rowOf(call, n, h)});
    }
  }

  static void makeNaN(T* y, int64_t count) {
    std::fill(y, y + count, narrow<T>(std::numeric_limits<float>::quiet_NaN()));
  }

  const SimdTable& simd_;
  SampledShape shape_;
  int64_t images_, batch_, bandRows_;
  bool hasPlaces_, hasColours_;
  size_t repeatedMean_, inverseDeviation_, perThread_, pixelBytes_, samplerBytes_;
};

}  // namespace

std::unique_ptr<Kernel> createAugment(const SnOpDesc& desc, Device& device) {
  return createFor<Augment>(desc.outputs[0], desc, device);
}

}  // namespace saturnn::cpu
