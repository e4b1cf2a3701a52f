// Compiles every loop for one instruction set. The including file defines SIMD_TABLE and SIMD_NAME; its compile flags
// choose the instruction set.
#include "cpu/simd/activation_loops.h"
#include "cpu/simd/arithmetic_loops.h"
#include "cpu/simd/dropout_loops.h"
#include "cpu/simd/normalization_loops.h"
#include "cpu/simd/pooling_loops.h"
#include "cpu/simd/randomized_relu_loops.h"
#include "cpu/simd/update_loops.h"

namespace saturnn::cpu {
namespace {

template <typename T>
constexpr ImageLoops<T> makeImageLoops() {
  return {
      {activateRows<SN_SIGMOID, T>, activateRows<SN_SCALED_SIGMOID, T>, activateRows<SN_TANH, T>,
       activateRows<SN_LEAKY_TANH, T>, activateRows<SN_RELU, T>, activateRows<SN_LEAKY_RELU, T>,
       activateRows<SN_ELU, T>, activateRows<simdIdentity, T>},
      {activationGradientRows<SN_SIGMOID, T>, activationGradientRows<SN_SCALED_SIGMOID, T>,
       activationGradientRows<SN_TANH, T>, activationGradientRows<SN_LEAKY_TANH, T>,
       activationGradientRows<SN_RELU, T>, activationGradientRows<SN_LEAKY_RELU, T>,
       activationGradientRows<SN_ELU, T>},
      maxPoolRow<T>,
      maxPoolGradientRow<T>,
      averagePoolRow<T>,
      averagePoolGradientRow<T>,
      sumRows<T>,
      fillRows<T>,
      add<T>,
      augmentRow<T>,
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
    makeImageLoops<float>(), SIMD_NAME, SIMD_BF16, randomizedRelu, randomizedReluGradient, sgd, adam, approach,
    sumOfSquares, centredSums, exponentials, scale, moments, gradientMoments, normalize, normalizeGradient, dropout,
    blend,
};

}  // namespace saturnn::cpu
