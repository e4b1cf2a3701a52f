#include "cuda/ops.h"

#include "shared/error.h"
#include "shared/ops_table.h"

namespace saturnn::cuda {

#define SN_OP(name, Factory, ...) CreateKernel create##Factory;
#include "ops.def"

namespace {

CreateKernel* const kCreators[] = {
#define SN_OP(name, Factory, ...) create##Factory,
#include "ops.def"
};

}  // namespace

const SnOpInfo* const opInfos = kOpInfos;
const int32_t opCount = kOpCount;

KernelPointer createKernel(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  for (int32_t i = 0; i < kOpCount; ++i) {
    if (std::strcmp(kOpInfos[i].name, op.name) == 0) return kCreators[i](device, op, info);
  }
  throw Error("ERR_UNSUPPORTED", std::string("the CUDA backend has no kernel for op ") + op.name);
}

}  // namespace saturnn::cuda
