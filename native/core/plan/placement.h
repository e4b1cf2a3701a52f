// Places every tensor of a plan in a buffer: resolves chains of views, and lets outputs that work in place share the
// buffer of their input.
#pragma once

#include "core/plan/layout.h"

namespace saturnn {

enum class BufferKind {
  Own,       // in the plan's arena, shared with buffers of other lifetimes
  Input,     // separate memory, because the data may be resident; `index`: the plan's input
  Constant,  // `index`: the tensor that holds the data
  State,     // `index`: the arena
};

struct Buffer {
  BufferKind kind;
  int index;
  int64_t bytes;
};

struct PlacedTensor {
  SnTensor view;       // as kernels see it
  int buffer;          // index into Placement::buffers
  int64_t byteOffset;  // of the pointer that kernels get: for a slice of channels, the start of the wider image
  int64_t bytes;       // of this tensor alone
  bool dense;          // its bytes lie together, at byteOffset
};

struct Placement {
  std::vector<Buffer> buffers;
  std::vector<PlacedTensor> tensors;
};

// Throws ERR_INVALID_PLAN for a view of a tensor that is not contiguous.
Placement place(const LaidOutPlan& laidOut);

}  // namespace saturnn
