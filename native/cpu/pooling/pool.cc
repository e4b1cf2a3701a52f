#include "cpu/pooling/pool.h"

#include <algorithm>

#include "ops/attributes/pooling.h"

namespace saturnn::cpu {

namespace {

PoolAxis makeAxis(const char* name, int64_t kernel, int64_t stride, int64_t pad, int64_t inputs, int64_t outputs,
                  bool sum) {
  if (kernel < 1 || stride < 1 || pad < 0) {
    refuse(std::string("kernel, stride and pad of the ") + name, "positive numbers and a pad of at least 0",
           std::to_string(kernel) + ", " + std::to_string(stride) + ", " + std::to_string(pad));
  }
  PoolAxis axis;
  axis.covering.assign(inputs, Span{0, 0});
  for (int64_t o = 0; o < outputs; ++o) {
    const int64_t origin = o * stride - pad;
    const int64_t begin = std::max<int64_t>(0, origin), end = std::min(inputs, origin + kernel);
    require(begin < end, std::string("Expected every window to contain a pixel, but along the ") + name + " window " +
                             std::to_string(o) + " lies outside of the image");
    axis.origins.push_back(static_cast<int32_t>(origin));
    axis.windows.push_back({static_cast<int32_t>(begin), static_cast<int32_t>(end)});
    axis.weights.push_back(sum ? 1.0f : 1.0f / static_cast<float>(end - begin));
    for (int64_t i = begin; i < end; ++i) {
      Span& covering = axis.covering[i];
      if (covering.end == 0) covering.begin = static_cast<int32_t>(o);
      covering.end = static_cast<int32_t>(o + 1);
    }
  }
  return axis;
}

}  // namespace

PoolAttributes poolAttributesOf(const SnOpDesc& desc, SnDType dtype, const char* inputName, const char* outputName) {
  requireImage(desc.inputs[0], inputName, dtype);
  requireImage(desc.outputs[0], outputName, dtype);
  return attributesOf<PoolAttributes>(desc);
}

Pooling::Pooling(const PoolAttributes& a, const SnTensor& input, const SnTensor& output)
    : kernelWidth(a.kernelW),
      inputHeight(static_cast<int32_t>(input.shape[1])),
      inputWidth(static_cast<int32_t>(input.shape[2])),
      outputHeight(static_cast<int32_t>(output.shape[1])),
      outputWidth(static_cast<int32_t>(output.shape[2])) {
  require(input.shape[0] == output.shape[0] && input.shape[3] == output.shape[3],
          "Expected the same batch and channels before and after pooling but received " + describe(input) + " and " +
              describe(output));
  vertical = makeAxis("height", a.kernelH, a.strideH, a.padTop, inputHeight, outputHeight, a.sum != 0);
  horizontal = makeAxis("width", a.kernelW, a.strideW, a.padLeft, inputWidth, outputWidth, a.sum != 0);
}

PoolImages poolImages(const SnTensor& read, const SnTensor& written) {
  const Rows readRows = pixelRows(read), writtenRows = pixelRows(written);
  require(read.layout == written.layout, "Expected one layout for the images but received two");
  return {readRows, writtenRows, static_cast<int32_t>(read.shape[2]), static_cast<int32_t>(written.shape[2]),
          static_cast<int32_t>(written.shape[1])};
}

}  // namespace saturnn::cpu
