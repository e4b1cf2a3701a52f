// See convolution.h. For each image, its windows are laid out as the rows of a matrix (im2col), which turns the
// convolution into a matrix product.
#include "convolution.h"

#include <algorithm>

#include "gemm.h"

namespace emulated_cudnn {
namespace {

// Calls function(offset in the matrix of windows, offset in the image) for every run of channels inside the image.
template <class Function>
void eachTap(const ConvolutionShape& s, Function&& function) {
  int64_t place = 0;
  for (int64_t oh = 0; oh < s.oh; ++oh) {
    for (int64_t ow = 0; ow < s.ow; ++ow) {
      for (int64_t kh = 0; kh < s.kh; ++kh) {
        const int64_t ih = oh * s.strideH - s.padH + kh * s.dilationH;
        for (int64_t kw = 0; kw < s.kw; ++kw, place += s.c) {
          const int64_t iw = ow * s.strideW - s.padW + kw * s.dilationW;
          if (ih >= 0 && ih < s.h && iw >= 0 && iw < s.w) function(place, (ih * s.w + iw) * s.c);
        }
      }
    }
  }
}

int64_t rowsOf(const ConvolutionShape& s) { return s.oh * s.ow; }
int64_t windowOf(const ConvolutionShape& s) { return s.kh * s.kw * s.c; }
int64_t imageOf(const ConvolutionShape& s) { return s.h * s.w * s.c; }

// Returns the matrix of windows [oh ow, kh kw c]; elements beyond the image are 0.
Values windows(const ConvolutionShape& s, const float* image) {
  Values matrix(rowsOf(s) * windowOf(s), 0.0f);
  eachTap(s, [&](int64_t place, int64_t offset) {
    for (int64_t c = 0; c < s.c; ++c) matrix[place + c] = image[offset + c];
  });
  return matrix;
}

Values transposed(const Values& matrix, int64_t rows, int64_t columns) {
  Values result(matrix.size());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) result[column * rows + row] = matrix[row * columns + column];
  }
  return result;
}

// Returns the shape of one group alone.
ConvolutionShape groupOf(ConvolutionShape s) {
  s.o /= s.groups();
  s.c = s.inputs;
  return s;
}

// Returns the channels [first, first + count) of rows of `channels` each.
Values channelsOf(const Values& rows, int64_t channels, int64_t first, int64_t count) {
  Values part;
  for (size_t row = 0; row < rows.size(); row += channels) {
    part.insert(part.end(), rows.begin() + row + first, rows.begin() + row + first + count);
  }
  return part;
}

void putChannels(const Values& part, int64_t count, Values& rows, int64_t channels, int64_t first) {
  for (size_t row = 0; row * count < part.size(); ++row) {
    std::copy_n(part.begin() + row * count, count, rows.begin() + row * channels + first);
  }
}

Values convolveGroup(const ConvolutionShape& s, const Values& x, const Values& weights) {
  const int64_t rows = rowsOf(s), window = windowOf(s);
  const Values columns = transposed(weights, s.o, window);
  Values y(s.n * rows * s.o);
  for (int64_t n = 0; n < s.n; ++n) {
    const Values matrix = windows(s, x.data() + n * imageOf(s));
    multiply(rows, s.o, window, matrix.data(), window, 1, columns.data(), y.data() + n * rows * s.o, false);
  }
  return y;
}

Values dataGradientOfGroup(const ConvolutionShape& s, const Values& dy, const Values& weights) {
  const int64_t rows = rowsOf(s), window = windowOf(s);
  Values dx(s.n * imageOf(s), 0.0f);
  Values matrix(rows * window);
  for (int64_t n = 0; n < s.n; ++n) {
    multiply(rows, window, s.o, dy.data() + n * rows * s.o, s.o, 1, weights.data(), matrix.data(), false);
    float* image = dx.data() + n * imageOf(s);
    eachTap(s, [&](int64_t place, int64_t offset) {
      for (int64_t c = 0; c < s.c; ++c) image[offset + c] += matrix[place + c];
    });
  }
  return dx;
}

Values filterGradientOfGroup(const ConvolutionShape& s, const Values& x, const Values& dy) {
  const int64_t rows = rowsOf(s), window = windowOf(s);
  Values dw(s.o * window, 0.0f);
  for (int64_t n = 0; n < s.n; ++n) {
    const Values matrix = windows(s, x.data() + n * imageOf(s));
    multiply(s.o, window, rows, dy.data() + n * rows * s.o, 1, s.o, matrix.data(), dw.data(), true);
  }
  return dw;
}

// Returns the weights of a group, whose rows follow each other.
Values weightsOf(const ConvolutionShape& one, const Values& weights, int64_t group) {
  const int64_t count = one.o * windowOf(one);
  return Values(weights.begin() + group * count, weights.begin() + (group + 1) * count);
}

}  // namespace

Values convolve(const ConvolutionShape& s, const Values& x, const Values& weights) {
  if (s.groups() == 1) return convolveGroup(s, x, weights);
  const ConvolutionShape one = groupOf(s);
  Values y(s.n * rowsOf(s) * s.o);
  for (int64_t g = 0; g < s.groups(); ++g) {
    const Values part = convolveGroup(one, channelsOf(x, s.c, g * one.c, one.c), weightsOf(one, weights, g));
    putChannels(part, one.o, y, s.o, g * one.o);
  }
  return y;
}

Values dataGradient(const ConvolutionShape& s, const Values& dy, const Values& weights) {
  if (s.groups() == 1) return dataGradientOfGroup(s, dy, weights);
  const ConvolutionShape one = groupOf(s);
  Values dx(s.n * imageOf(s));
  for (int64_t g = 0; g < s.groups(); ++g) {
    const Values part = dataGradientOfGroup(one, channelsOf(dy, s.o, g * one.o, one.o), weightsOf(one, weights, g));
    putChannels(part, one.c, dx, s.c, g * one.c);
  }
  return dx;
}

Values filterGradient(const ConvolutionShape& s, const Values& x, const Values& dy) {
  if (s.groups() == 1) return filterGradientOfGroup(s, x, dy);
  const ConvolutionShape one = groupOf(s);
  Values dw;
  for (int64_t g = 0; g < s.groups(); ++g) {
    const Values part =
        filterGradientOfGroup(one, channelsOf(x, s.c, g * one.c, one.c), channelsOf(dy, s.o, g * one.o, one.o));
    dw.insert(dw.end(), part.begin(), part.end());
  }
  return dw;
}

}  // namespace emulated_cudnn
