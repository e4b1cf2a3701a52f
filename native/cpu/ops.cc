#include "cpu/ops.h"

#include <cstring>

#include "shared/ops_table.h"

namespace saturnn::cpu {

#define SN_OP(name, Factory, ...) CreateKernel create##Factory;
#include "ops.def"

namespace {

CreateKernel* const creators[] = {
#define SN_OP(name, Factory, ...) create##Factory,
#include "ops.def"
};

}  // namespace

const SnOpInfo* const opInfos = kOpInfos;
const int32_t opCount = kOpCount;

CreateKernel* findOp(const char* name) {
  for (int32_t i = 0; i < kOpCount; ++i) {
    if (std::strcmp(kOpInfos[i].name, name) == 0) return creators[i];
  }
  return nullptr;
}

}  // namespace saturnn::cpu
