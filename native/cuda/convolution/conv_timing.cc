// See conv_timing.h.
#include "cuda/convolution/conv_timing.h"

#include <algorithm>
#include <random>

#include "cuda/device/check.h"

namespace saturnn::cuda {
namespace {

constexpr int kRuns = 5;

// Bytes written before every run: more than the cache holds. This also keeps the GPU busy while the host enqueues the
// timed work, so that only GPU time is measured.
size_t flushBytes() {
  int index = 0, cache = 0;
  checkCuda(cudaGetDevice(&index), "cudaGetDevice");
  checkCuda(cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, index), "reading the size of the cache");
  return 2 * static_cast<size_t>(std::max(cache, 1 << 20));
}

struct TooLittleMemory {};

class DeviceMemory {
 public:
  explicit DeviceMemory(size_t bytes) {
    const cudaError_t status = cudaMalloc(&data_, std::max<size_t>(bytes, 1));
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // the runtime keeps the error, and the next launch would report it
      throw TooLittleMemory{};
    }
    checkCuda(status, "allocating memory to time convolutions");
  }
  DeviceMemory(const DeviceMemory&) = delete;
  ~DeviceMemory() { cudaFree(data_); }

  char* data() const { return static_cast<char*>(data_); }

 private:
  void* data_ = nullptr;
};

// Random numbers of both signs, from 1/8 to 1/4 in size: speed and power depend on the bits, and zeros would be too
// fast. The exponent is written into the bits, which works for every dtype.
template <class Bits>
std::vector<Bits> smallNumbers(Bits exponent, int mantissaBits) {
  std::vector<Bits> numbers(1 << 16);
  std::mt19937 random(1);
  for (Bits& number : numbers) {
    const uint32_t bits = random();
    const Bits sign = static_cast<Bits>(static_cast<Bits>(bits >> 31) << (8 * sizeof(Bits) - 1));
    const Bits mantissa = static_cast<Bits>(bits & ((1u << mantissaBits) - 1));
    number = static_cast<Bits>(sign | static_cast<Bits>(exponent << mantissaBits) | mantissa);
  }
  return numbers;
}

// Repeats the pattern: uploads it once, then doubles it on the device.
void fillWith(const void* pattern, size_t patternBytes, char* target, size_t bytes, cudaStream_t stream) {
  size_t done = std::min(patternBytes, bytes);
  checkCuda(cudaMemcpyAsync(target, pattern, done, cudaMemcpyHostToDevice, stream), "filling memory");
  while (done < bytes) {
    const size_t part = std::min(done, bytes - done);
    checkCuda(cudaMemcpyAsync(target + done, target, part, cudaMemcpyDeviceToDevice, stream), "filling memory");
    done += part;
  }
  checkCuda(cudaStreamSynchronize(stream), "filling memory");  // the pattern is host memory that is freed here
}

void fillRandomly(SnDType dtype, char* target, size_t bytes, cudaStream_t stream) {
  if (dtype == SN_F32) {
    const auto numbers = smallNumbers<uint32_t>(124, 23);
    fillWith(numbers.data(), numbers.size() * 4, target, bytes, stream);
  } else {
    const auto numbers = dtype == SN_BF16 ? smallNumbers<uint16_t>(124, 7) : smallNumbers<uint16_t>(12, 10);
    fillWith(numbers.data(), numbers.size() * 2, target, bytes, stream);
  }
}

struct Operand {
  Operand(SnDevice& device, SnDType dtype, int64_t elements)
      : memory(static_cast<size_t>(elements * elementBytes(dtype))) {
    fillRandomly(dtype, memory.data(), static_cast<size_t>(elements * elementBytes(dtype)), device.stream());
  }
  DeviceMemory memory;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

std::vector<double> timeRunners(SnDevice& device, const ConvTask& task,
                                const std::vector<std::unique_ptr<ConvRunner>>& runners) {
  const ConvProblem& p = task.problem;
  try {
    const Operand x(device, task.images, p.n * p.h * p.w * p.c);
    const Operand w(device, task.weights, p.o * p.kh * p.kw * p.inputs());
    const Operand y(device, task.images, p.n * p.oh * p.ow * p.o);
    const bool isGradient = task.pass == ConvPass::dataGradient;
    const bool hasActivated = isGradient && !task.epilogue.isEmpty();
    const Operand bias(device, SN_F32, isGradient ? p.c : p.o);
    const Operand activated(device, task.images, hasActivated ? p.n * p.h * p.w * p.c : 0);
    int64_t scratchBytes = 0;
    for (const auto& runner : runners) scratchBytes = std::max(scratchBytes, runner->scratchBytes());
    const DeviceMemory scratch(static_cast<size_t>(scratchBytes));
    const size_t flushed = flushBytes();
    const DeviceMemory flush(flushed);
    const ConvPointers operands{x.memory.data(), w.memory.data(), y.memory.data(),
                                task.epilogue.bias ? reinterpret_cast<float*>(bias.memory.data()) : nullptr,
                                hasActivated ? activated.memory.data() : nullptr};

    std::vector<double> times;
    for (const auto& runner : runners) {
      const auto run = [&] { runner->run(operands, scratch.data()); };
      try {
        run();  // loads the engine's code
        std::vector<double> samples;
        for (int i = 0; i < kRuns; ++i) {
          checkCuda(cudaMemsetAsync(flush.data(), i, flushed, device.stream()), "cudaMemsetAsync");
          device.startTimer();
          run();
          samples.push_back(device.stopTimer());
        }
        times.push_back(median(samples));
      } catch (const Error&) {
        times.push_back(-1);
      }
    }
    return times;
  } catch (const TooLittleMemory&) {
    return {};
  }
}

}  // namespace saturnn::cuda
