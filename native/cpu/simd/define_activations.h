// Compiles the loops of every activation for one instruction set: the including file sets SIMD_ACTIVATIONS, its compile
// flags do the rest.
#include "cpu/simd/activation_loops.h"

namespace saturnn::cpu {
namespace {

// The bias alone, then the rows of activations.def.
template <typename T>
constexpr ActivationLoops<T> loops[] = {
    {activateRows<SN_NO_ACTIVATION, T>, nullptr},
#define SN_ACTIVATION(kind, ...) \
  {activateRows<SN_ACTIVATION_##kind, T>, activationGradientRows<SN_ACTIVATION_##kind, T>},
#include "activations.def"
};
static_assert(sizeof loops<float> / sizeof *loops<float> == SN_ACTIVATION_COUNT + 1, "a row per id");

#if defined(__AVX512BW__)
#define SIMD_BF16 loops<Bf16> + 1
#else
#define SIMD_BF16 nullptr
#endif

}  // namespace

extern const ActivationTable SIMD_ACTIVATIONS = {SN_ACTIVATION_COUNT, loops<float> + 1, SIMD_BF16};

}  // namespace saturnn::cpu
