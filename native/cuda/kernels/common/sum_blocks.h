// The grid size of sums over all elements or rows: 4 blocks on each of the 132 processors of an H100 or H200. A
// constant, because the order of the sum, and so its last bits, depends on the grid.
#pragma once

namespace saturnn::cuda {

constexpr int kSumBlocks = 528;

}  // namespace saturnn::cuda
