// Compiles every loop for one instruction set: the including file sets SIMD_TABLE and SIMD_NAME, its compile flags do
// the rest.
#include "activation_loops.h"
#include "arithmetic_loops.h"
#include "pool_loops.h"
#include "update_loops.h"

namespace saturnn {

extern const SimdTable SIMD_TABLE = {
    SIMD_NAME,
    {activateRows<SN_SIGMOID>, activateRows<SN_SCALED_SIGMOID>, activateRows<SN_TANH>, activateRows<SN_LEAKY_TANH>,
     activateRows<SN_RELU>, activateRows<SN_LEAKY_RELU>, activateRows<simdIdentity>},
    {activationGradientRows<SN_SIGMOID>, activationGradientRows<SN_SCALED_SIGMOID>, activationGradientRows<SN_TANH>,
     activationGradientRows<SN_LEAKY_TANH>, activationGradientRows<SN_RELU>, activationGradientRows<SN_LEAKY_RELU>},
    maxPoolRow,
    maxPoolGradientRow,
    averagePoolRow,
    averagePoolGradientRow,
    sumRows,
    fillRows,
    add,
    sgd,
    adam,
    approach,
    sumOfSquares,
    exponentials,
    scale,
    augmentRow,
};

}  // namespace saturnn
