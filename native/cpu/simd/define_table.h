// Compiles every loop except those of activations for one instruction set. The including file defines SIMD_TABLE,
// SIMD_NAME and SIMD_ACTIVATIONS; its compile flags choose the instruction set.
#include "cpu/simd/arithmetic_loops.h"
#include "cpu/simd/augmentation_loops.h"
#include "cpu/simd/channel_loops.h"
#include "cpu/simd/colour_loops.h"
#include "cpu/simd/dropout_loops.h"
#include "cpu/simd/normalization_loops.h"
#include "cpu/simd/pooling_loops.h"
#include "cpu/simd/randomized_relu_loops.h"
#include "cpu/simd/rotation_loops.h"
#include "cpu/simd/sampling_loops.h"
#include "cpu/simd/update_loops.h"

namespace saturnn::cpu {
namespace {

template <typename T>
constexpr ImageLoops<T> makeImageLoops() {
  return {
      maxPoolRow<T>,
      maxPoolGradientRow<T>,
      averagePoolRow<T>,
      averagePoolGradientRow<T>,
      sumRows<T>,
      fillRows<T>,
      largestRow<T>,
      placeRow<T>,
      add<T>,
      affine<T>,
      productSums<T>,
      augmentRow<T>,
      normalizeRow<T>,
      recolourRow<T>,
      mix<T>,
      toFloats<T>,
      fromFloats<T>,
  };
}

#if defined(__AVX512BW__)
constexpr ImageLoops<Bf16> bf16Loops = makeImageLoops<Bf16>();
#define SIMD_BF16 &bf16Loops
#else
#define SIMD_BF16 nullptr
#endif

}  // namespace

extern const SimdTable SIMD_TABLE = {
    makeImageLoops<float>(),
    SIMD_NAME,
    &SIMD_ACTIVATIONS,
    SIMD_BF16,
    randomizedRelu,
    randomizedReluGradient,
    sgd,
    adam,
    approach,
    sumOfSquares,
    centredSums,
    exponentials,
    scale,
    moments,
    gradientMoments,
    normalize,
    normalizeGradient,
    dropout,
    blend,
    bytesToFloats,
    prepareTaps,
    sumRowsOfBytes,
    sumColumns,
    rotateRow,
    sumGreys,
};

}  // namespace saturnn::cpu
