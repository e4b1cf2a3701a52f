// Dropout over rows of channels: one block of Philox numbers for four consecutive elements in NHWC order, as many
// blocks at a time as a vector has lanes.
#pragma once

#include "cpu/simd/philox_lanes.h"
#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"

namespace saturnn::cpu {
namespace {

// Processes whole blocks: the first 4 * blocksPerRow channels of each row.
void dropBlocks(const DropoutRows& d, int64_t blocksPerRow) {
  int64_t row = 0, block = 0;
  for (int64_t left = d.rows * blocksPerRow; left > 0; left -= lanes) {
    const int count = left < lanes ? static_cast<int>(left) : lanes;
    uint32_t blocks[lanes] = {};
    int64_t from[lanes], to[lanes];
    for (int lane = 0; lane < count; ++lane) {
      blocks[lane] = static_cast<uint32_t>((d.firstElement + row * d.elementPitch) / 4 + block);
      from[lane] = row * d.xPitch + 4 * block;
      to[lane] = row * d.yPitch + 4 * block;
      if (++block == blocksPerRow) {
        block = 0;
        ++row;
      }
    }
    UnsignedVector words[4] = {{}, UnsignedVector{} + d.step, UnsignedVector{} + d.stream, {}};
    memcpy(&words[0], blocks, sizeof words[0]);
    philoxLanes(words, d.seed, dropoutKey);
    float factors[4][lanes];
    for (int word = 0; word < 4; ++word) {
      const FloatVector kept = words[word] < d.threshold ? FloatVector{} : FloatVector{} + d.scale;
      memcpy(factors[word], &kept, sizeof kept);
    }
    for (int lane = 0; lane < count; lane += 4) {
      __m128 four[4];
      for (int word = 0; word < 4; ++word) four[word] = _mm_loadu_ps(factors[word] + lane);
      _MM_TRANSPOSE4_PS(four[0], four[1], four[2], four[3]);
      // A product, not a selection, so that a NaN in x stays visible even if the element was dropped.
      for (int i = 0; i < 4 && lane + i < count; ++i) {
        _mm_storeu_ps(d.y + to[lane + i], _mm_mul_ps(_mm_loadu_ps(d.x + from[lane + i]), four[i]));
      }
    }
  }
}

void dropout(const DropoutRows& given) {
  DropoutRows d = given;
  if (d.xPitch == d.channels && d.yPitch == d.channels && d.elementPitch == d.channels) {
    d.channels *= d.rows;
    d.rows = 1;
  }
  const bool aligned = d.firstElement % 4 == 0 && (d.rows == 1 || d.elementPitch % 4 == 0);
  const int64_t blocksPerRow = aligned ? d.channels / 4 : 0;
  dropBlocks(d, blocksPerRow);
  for (int64_t row = 0; row < d.rows; ++row) {
    for (int64_t c = 4 * blocksPerRow; c < d.channels; ++c) {
      const int64_t element = d.firstElement + row * d.elementPitch + c;
      const PhiloxNumbers drawn =
          philox4x32({{static_cast<uint32_t>(element / 4), d.step, d.stream, 0}}, d.seed, dropoutKey);
      const float factor = drawn.values[element % 4] < d.threshold ? 0.0f : d.scale;
      d.y[row * d.yPitch + c] = d.x[row * d.xPitch + c] * factor;
    }
  }
}

}  // namespace
}  // namespace saturnn::cpu
