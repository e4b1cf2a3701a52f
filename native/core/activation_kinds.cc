#include "core/activation_kinds.h"

namespace saturnn {

const char* const activationKinds[] = {
#define SN_ACTIVATION(kind, ...) #kind,
#include "activations.def"
};
const size_t activationKindCount = sizeof activationKinds / sizeof *activationKinds;

}  // namespace saturnn
