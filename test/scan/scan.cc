// A program for test/scan/scan.ts: runs the convolutions and fully connected layers of a backend on shapes that are drawn
// from a seed, each operand and the scratch between canaries, and compares every element with loops in double precision.
//
//   scan LIBRARY SEED FIRST COUNT THREADS...
//
// Prints a line "case I" before each case, so that whoever waits for this program knows which one hangs or crashes; a line
// "FAIL ..." for each fault; and at the end the line "done", with the numbers of launches and of faults.
#include <dlfcn.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "guarded.h"
#include "ops/attributes/convolution.h"
#include "reference.h"
#include "shapes.h"
#include "shared/backend.h"

namespace scan {

const SnBackend* loadBackend(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);
  }
  uint32_t version = 0;
  const auto entry = reinterpret_cast<SnBackendEntry>(dlsym(library, "saturnn_backend"));
  const SnBackend* backend = entry == nullptr ? nullptr : entry(SATURNN_ABI_VERSION, &version);
  if (backend == nullptr) {
    std::fprintf(stderr, "%s is no backend of ABI version %u\n", path, SATURNN_ABI_VERSION);
    std::exit(2);
  }
  return backend;
}

// A tensor of a case. Elements are numbered in the plain layout.
struct Operand {
  SnTensor tensor;
  Guarded memory;

  int64_t count() const {
    int64_t product = 1;
    for (int i = 0; i < tensor.rank; ++i) product *= tensor.shape[i];
    return product;
  }

  int64_t place(int64_t element) const {
    if (tensor.layout == SN_PLAIN) return element;
    const int64_t pixels = tensor.shape[1] * tensor.shape[2], channels = tensor.shape[3];
    const int64_t channel = element % channels, pixel = element / channels % pixels,
                  image = element / channels / pixels;
    return (image * (channels / 16) + channel / 16) * pixels * 16 + pixel * 16 + channel % 16;
  }

  float get(int64_t element) const {
    const int64_t at = place(element);
    if (tensor.dtype == SN_F32) return static_cast<const float*>(memory.data())[at];
    const uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(memory.data())[at]) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  void set(int64_t element, float value) {
    const int64_t at = place(element);
    if (tensor.dtype == SN_F32) {
      static_cast<float*>(memory.data())[at] = value;
    } else {  // exact: the scan's values have 4 bits
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      static_cast<uint16_t*>(memory.data())[at] = static_cast<uint16_t>(bits >> 16);
    }
  }
};

Operand makeOperand(SnDType dtype, std::vector<int64_t> shape, bool blocked = false) {
  SnTensor tensor{dtype, static_cast<int32_t>(shape.size()), {}, blocked ? SN_NCHW16C : SN_PLAIN, shape.back(), 0};
  size_t bytes = dtype == SN_F32 ? 4 : 2;
  for (size_t i = 0; i < shape.size(); ++i) {
    tensor.shape[i] = shape[i];
    bytes *= static_cast<size_t>(shape[i]);
  }
  return {tensor, Guarded(bytes)};
}

Operand absent() { return {{SN_NONE, 0, {}, SN_PLAIN, 0, 0}, Guarded()}; }

class Scanner {
 public:
  Scanner(const SnBackend& backend, std::vector<int> threads) : backend_(backend) {
    SnError error{};
    for (const int count : threads) {
      SnOpenOptions options{};
      options.threads = count;
      SnDevice* device = nullptr;
      if (backend.open(&options, &device, &error) != SN_OK) {
        std::fprintf(stderr, "%s: %s\n", error.code, error.message);
        std::exit(3);
      }
      devices_.push_back({count, device});
    }
    char json[4096];
    backend.describe(devices_.front().second, json, sizeof json);
    std::string text = json;
    text = text.substr(text.find("\"precisions\":["));
    hasBf16_ = text.substr(0, text.find(']')).find("bf16") != std::string::npos;
  }

  ~Scanner() {
    for (const auto& [count, device] : devices_) backend_.close(device);
  }

  void run(uint64_t seed, uint64_t index) {
    Shape shape = drawShape(seed, index);
    if (!backend_.prefers_blocked_images) shape.blockedX = shape.blockedY = false;
    where_ = std::to_string(index) + ": " + shape.text();
    runPasses(shape, SN_F32, Random(index ^ seed << 32));
    if (hasBf16_ && !shape.dense) {
      shape.blockedX = shape.blockedY = false;  // halves are plain
      runPasses(shape, SN_BF16, Random(index ^ seed << 32));
    }
  }

  int64_t launches() const { return launches_; }
  int64_t faults() const { return faults_; }

 private:
  struct Result {
    Operand* operand;
    const std::vector<Sum>* want;
  };

  void runPasses(const Shape& s, SnDType dtype, Random random) {
    const auto image = [&](int64_t h, int64_t w, int64_t channels, bool blocked) {
      return s.dense ? makeOperand(dtype, {s.n, channels}) : makeOperand(dtype, {s.n, h, w, channels}, blocked);
    };
    const auto weights = [&] {
      return s.dense ? makeOperand(SN_F32, {s.o, s.i}) : makeOperand(SN_F32, {s.o, s.kh, s.kw, s.inputs()});
    };
    const auto biases = [&] { return s.bias ? makeOperand(SN_F32, {s.o}) : absent(); };
    // Multiples of 1/8: their products and sums are exact in f32, in every order.
    const auto draw = [&](Operand& operand) {
      std::vector<float> values(operand.tensor.dtype == SN_NONE ? 0 : operand.count());
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(random.between(-8, 8)) / 8;
        operand.set(static_cast<int64_t>(i), values[i]);
      }
      return values;
    };
    Operand x = image(s.h, s.w, s.i, s.blockedX), w = weights(), b = biases(),
            dy = image(s.oh(), s.ow(), s.o, s.blockedY);
    const std::vector<float> xs = draw(x), ws = draw(w), bs = draw(b), dys = draw(dy);
    const Reference reference = computeReference(s, xs, ws, bs, dys);
    Operand y = image(s.oh(), s.ow(), s.o, s.blockedY), dx = image(s.h, s.w, s.i, s.blockedX), dw = weights(),
            db = biases();
    for (const auto& [threads, device] : devices_) {
      const std::string on = std::string(dtype == SN_F32 ? " f32 " : " bf16 ") + std::to_string(threads) + " threads";
      const auto op = [&](const char* conv, const char* linear) { return s.dense ? linear : conv; };
      check(device, s, op("conv2d", "linear"), on, {&x, &w, &b}, {{&y, &reference.y}});
      check(device, s, op("conv2dDgrad", "linearDgrad"), on, {&dy, &w}, {{&dx, &reference.dx}});
      check(device, s, op("conv2dWgrad", "linearWgrad"), on, {&x, &dy},
            {{&dw, &reference.dw}, {&db, &reference.dbias}});
    }
  }

  // Runs one op twice, with different garbage in scratch and outputs.
  void check(SnDevice* device, const Shape& s, const char* name, const std::string& on, std::vector<Operand*> inputs,
             std::vector<Result> results) {
    const auto narrow = [](int64_t number) { return static_cast<int32_t>(number); };
    const saturnn::ConvolutionAttributes attributes{narrow(s.strideH),
                                                    narrow(s.strideW),
                                                    narrow(s.padTop),
                                                    narrow(s.padLeft),
                                                    narrow(s.padBottom),
                                                    narrow(s.padRight),
                                                    narrow(s.dilationH),
                                                    narrow(s.dilationW),
                                                    narrow(s.groups),
                                                    -1,
                                                    0};
    const SnPlanOptions options{0, 1, 0, 1};
    std::vector<SnTensor> inputTensors, outputTensors;
    std::vector<void*> inputPointers, outputPointers;
    for (Operand* it : inputs) {
      inputTensors.push_back(it->tensor);
      inputPointers.push_back(it->memory.data());
    }
    for (const Result& it : results) {
      outputTensors.push_back(it.operand->tensor);
      outputPointers.push_back(it.operand->memory.data());
    }
    const SnOpDesc desc{name,
                        s.dense ? nullptr : &attributes,
                        s.dense ? 0 : sizeof attributes,
                        inputTensors.data(),
                        static_cast<int32_t>(inputTensors.size()),
                        outputTensors.data(),
                        static_cast<int32_t>(outputTensors.size()),
                        &options};
    SnKernel* kernel = nullptr;
    SnKernelInfo info{};
    SnError error{};
    if (backend_.create_kernel(device, &desc, &kernel, &info, &error) != SN_OK) {
      return fail(name, on, "", std::string(error.code) + " " + error.message);
    }
    if (isReference(info.implementation)) fail(name, on, info.implementation, "it is hundreds of times slower");
    Guarded scratch(static_cast<size_t>(info.scratch_bytes));
    for (const uint8_t garbage : {poison, uint8_t{0x41}}) {
      scratch.fill(garbage);
      for (const Result& it : results) it.operand->memory.fill(poison);
      std::vector<std::vector<uint8_t>> before;
      for (Operand* it : inputs) before.push_back(bytesOf(*it));
      ++launches_;
      if (backend_.launch(kernel, inputPointers.data(), outputPointers.data(), scratch.data(), &error) != SN_OK) {
        fail(name, on, info.implementation, std::string(error.code) + " " + error.message);
        break;
      }
      std::string found = damageOf("scratch", scratch);
      for (size_t i = 0; i < inputs.size(); ++i) {
        found += damageOf("an input", inputs[i]->memory);
        if (before[i] != bytesOf(*inputs[i])) found += "an input was written; ";
      }
      for (const Result& it : results) found += damageOf("an output", it.operand->memory) + mismatchOf(it);
      if (found.empty()) continue;
      fail(name, on, info.implementation, found);
      break;
    }
    backend_.destroy_kernel(kernel);
    // Damaged canaries would be found again, in cases that did not damage them.
    for (Operand* it : inputs) repair(*it);
    for (const Result& it : results) repair(*it.operand);
  }

  static bool isReference(const char* implementation) { return std::strstr(implementation, "ref:") != nullptr; }

  static std::vector<uint8_t> bytesOf(const Operand& operand) {
    const auto* bytes = static_cast<const uint8_t*>(operand.memory.data());
    return {bytes, bytes + operand.memory.bytes()};
  }

  static void repair(Operand& operand) {
    if (operand.memory.damage() == 0) return;
    Guarded fresh(operand.memory.bytes());
    if (fresh.bytes() > 0) std::memcpy(fresh.data(), operand.memory.data(), fresh.bytes());
    operand.memory = std::move(fresh);
  }

  static std::string damageOf(const char* what, const Guarded& memory) {
    const size_t bytes = memory.damage();
    return bytes == 0 ? "" : std::to_string(bytes) + " bytes written beside " + what + "; ";
  }

  static std::string mismatchOf(const Result& result) {
    const Operand& got = *result.operand;
    if (got.tensor.dtype == SN_NONE) return "";
    int64_t wrong = 0, first = -1;
    for (int64_t i = 0; i < got.count(); ++i) {
      const Sum& want = (*result.want)[static_cast<size_t>(i)];
      // Not `error > allowed`, which is false for NaN.
      if (std::fabs(got.get(i) - want.value) <= allowedError(want, got.tensor.dtype == SN_BF16)) continue;
      if (wrong++ == 0) first = i;
    }
    if (wrong == 0) return "";
    char text[120];
    std::snprintf(text, sizeof text, "%ld of %ld values wrong, element %ld is %g, not %g; ", wrong, got.count(), first,
                  static_cast<double>(got.get(first)), (*result.want)[static_cast<size_t>(first)].value);
    return text;
  }

  void fail(const char* op, const std::string& on, const char* implementation, const std::string& what) {
    ++faults_;
    std::printf("FAIL %s: %s%s (%s): %s\n", where_.c_str(), op, on.c_str(), implementation, what.c_str());
    std::fflush(stdout);
  }

  const SnBackend& backend_;
  std::vector<std::pair<int, SnDevice*>> devices_;
  bool hasBf16_ = false;
  std::string where_;
  int64_t launches_ = 0, faults_ = 0;
};

}  // namespace scan

int main(int count, char** arguments) {
  if (count < 6) return 2;
  const uint64_t seed = std::stoull(arguments[2]), first = std::stoull(arguments[3]), cases = std::stoull(arguments[4]);
  std::vector<int> threads;
  for (int i = 5; i < count; ++i) threads.push_back(std::stoi(arguments[i]));
  scan::Scanner scanner(*scan::loadBackend(arguments[1]), threads);
  for (uint64_t i = first; i < first + cases; ++i) {
    std::printf("case %llu\n", static_cast<unsigned long long>(i));
    std::fflush(stdout);
    scanner.run(seed, i);
  }
  std::printf("done %ld launches, %ld faults\n", scanner.launches(), scanner.faults());
  return 0;
}
