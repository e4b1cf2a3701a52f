// See gemm.h. Computes four rows by sixteen columns at a time, which fit into registers.
#include "gemm.h"

#include <algorithm>
#include <vector>

// Not for the sanitizer: resolvers of function versions would run instrumented code before the sanitizer is ready.
#ifdef __SANITIZE_ADDRESS__
#define PER_PROCESSOR
#else
#define PER_PROCESSOR __attribute__((target_clones("arch=haswell", "default")))
#endif

namespace emulated_cudnn {
namespace {

constexpr int64_t kColumns = 16;
constexpr int64_t kRows = 4;

struct Block {
  int64_t rows, columns, k;
  const float* a;
  int64_t aRow, aColumn;
  const float* panel;  // [k, kColumns]
  float* c;
  int64_t cRow;
  bool accumulate;
};

PER_PROCESSOR void multiplyBlock(const Block& block) {
  float sum[kRows][kColumns] = {};
  for (int64_t p = 0; p < block.k; ++p) {
    const float* b = block.panel + p * kColumns;
    for (int64_t i = 0; i < kRows; ++i) {
      const float factor = block.a[std::min(i, block.rows - 1) * block.aRow + p * block.aColumn];
      for (int64_t j = 0; j < kColumns; ++j) sum[i][j] += factor * b[j];
    }
  }
  for (int64_t i = 0; i < block.rows; ++i) {
    float* c = block.c + i * block.cRow;
    for (int64_t j = 0; j < block.columns; ++j) c[j] = (block.accumulate ? c[j] : 0.0f) + sum[i][j];
  }
}

}  // namespace

void multiply(int64_t m, int64_t n, int64_t k, const float* a, int64_t aRow, int64_t aColumn, const float* b, float* c,
              bool accumulate) {
  std::vector<float> panel(k * kColumns);
  for (int64_t column = 0; column < n; column += kColumns) {
    const int64_t columns = std::min(kColumns, n - column);
    for (int64_t p = 0; p < k; ++p) {
      float* row = panel.data() + p * kColumns;
      std::copy_n(b + p * n + column, columns, row);
      std::fill(row + columns, row + kColumns, 0.0f);
    }
    for (int64_t row = 0; row < m; row += kRows) {
      multiplyBlock({std::min(kRows, m - row), columns, k, a + row * aRow, aRow, aColumn, panel.data(),
                     c + row * n + column, n, accumulate});
    }
  }
}

}  // namespace emulated_cudnn
