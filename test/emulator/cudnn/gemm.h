// The matrix product with which convolutions and matmul are computed.
#pragma once

#include <cstdint>

namespace emulated_cudnn {

// c[i, j] = (accumulate ? c[i, j] : 0) + the sum over p, in order, of a[i, p] b[p, j]. a[i, p] lies at
// a[i * aRow + p * aColumn]; rows of b and c are dense and `n` apart.
void multiply(int64_t m, int64_t n, int64_t k, const float* a, int64_t aRow, int64_t aColumn, const float* b, float* c,
              bool accumulate);

}  // namespace emulated_cudnn
