// The dtypes of tensors: one row for each, which everything that depends on a dtype reads. Also the size of a block of
// channels. Without the standard library, because the loops for each instruction set and device code include this.
#pragma once

#include "shared/backend.h"

namespace saturnn {

struct DTypeRow {
  SnDType dtype;
  const char* name;  // as in JavaScript and in messages
  int32_t bytes;     // of one element
  bool half;         // 16 bits of a floating point number: only inside a plan
};

constexpr DTypeRow dtypeRows[] = {
    {SN_F32, "f32", 4, false},  {SN_I32, "i32", 4, false}, {SN_U8, "u8", 1, false},
    {SN_BF16, "bf16", 2, true}, {SN_F16, "f16", 2, true},
};

constexpr bool rowsAreInOrder() {
  int next = SN_F32;
  for (const DTypeRow& row : dtypeRows) {
    if (row.dtype != next++) return false;
  }
  return true;
}
static_assert(rowsAreInOrder(), "the rows must be in the order of SnDType, because a dtype is the index of its row");

// Absent tensors (SN_NONE) have no row.
constexpr DTypeRow dtypeRow(SnDType dtype) {
  return dtype == SN_NONE ? DTypeRow{SN_NONE, "none", 0, false} : dtypeRows[dtype];
}

constexpr bool isHalf(SnDType dtype) { return dtypeRow(dtype).half; }
constexpr int64_t elementBytes(SnDType dtype) { return dtypeRow(dtype).bytes; }
constexpr const char* dtypeName(SnDType dtype) { return dtypeRow(dtype).name; }

// Channels in a block of the layout SN_NCHW16C.
constexpr int64_t blockChannels = 16;

}  // namespace saturnn
