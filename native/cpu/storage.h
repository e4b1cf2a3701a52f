// Kernels for images that are stored as f32 or bf16: templates over the type of an element, instantiated for the dtype
// of an SnOpDesc.
#pragma once

#include <memory>

#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "cpu/simd/table.h"

namespace saturnn::cpu {

template <typename T>
inline constexpr SnDType storedAs = SN_F32;
template <>
inline constexpr SnDType storedAs<Bf16> = SN_BF16;

template <typename T>
const ImageLoops<T>& imageLoops(const SimdTable& simd);
template <>
inline const ImageLoops<float>& imageLoops<float>(const SimdTable& simd) {
  return simd;
}
template <>
inline const ImageLoops<Bf16>& imageLoops<Bf16>(const SimdTable& simd) {
  return *simd.bf16;
}

template <typename T>
const ActivationLoops<T>* activationLoops(const SimdTable& simd);
template <>
inline const ActivationLoops<float>* activationLoops<float>(const SimdTable& simd) {
  return simd.activations->floats;
}
template <>
inline const ActivationLoops<Bf16>* activationLoops<Bf16>(const SimdTable& simd) {
  return simd.activations->bf16;
}

// The requirement of bf16, for messages.
constexpr const char* bf16Needs = "a processor with AVX-512 F, BW, DQ and VL";

// Throws ERR_UNSUPPORTED if the processor has no loops for bf16.
inline void requireBf16(const Device& device) {
  if (!device.simd->bf16) throw Error("ERR_UNSUPPORTED", std::string("bf16 needs ") + bf16Needs);
}

// Makes an ImageKernel<Bf16> if `image`, a tensor of the op, is bf16, else an ImageKernel<float>, which checks the
// dtype. Throws ERR_UNSUPPORTED.
template <template <typename> class ImageKernel>
std::unique_ptr<Kernel> createFor(const SnTensor& image, const SnOpDesc& desc, Device& device) {
  if (image.dtype != SN_BF16) return std::make_unique<ImageKernel<float>>(desc, device);
  requireBf16(device);
  return std::make_unique<ImageKernel<Bf16>>(desc, device);
}

}  // namespace saturnn::cpu
