// A backend of a few simple ops, for tests of the native core without oneDNN. On demand it is slow, fails, refuses or
// counts. With FAKE_BLOCKED it prefers blocked images. The implementation name of a kernel describes the layout of its
// first operands.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "shared/backend.h"  // SATURNN_ABI_VERSION comes from the command line: that of the addon under test
#include "shared/error.h"

#ifdef FAKE_BLOCKED
constexpr int kBlocked = 1;
#else
constexpr int kBlocked = 0;
#endif

struct SnDevice {
  int threads;
};

using Launch = bool (*)(const SnKernel&, void* const* inputs, void* const* outputs, void* scratch);

struct SnKernel {
  Launch run;
  std::vector<SnTensor> inputs;
  std::vector<SnTensor> outputs;
  std::vector<int32_t> attributes;
};

struct SnGraph {
  std::vector<std::function<bool()>> records;
};

// An upload arrives only when someone waits for it.
struct SnUploader {
  std::vector<char> pinned;
  void* destination = nullptr;
  size_t bytes = 0;
};

namespace {

constexpr size_t kMemoryLimit = size_t{1} << 32;
// The size of an allocation that throws, which no function of a backend should do.
constexpr size_t kLeakingBytes = 4242;
// The size of a block of memory that the host cannot pin, and that of an upload that fails.
constexpr size_t kUnpinnedBytes = 4243;
constexpr size_t kFailingBytes = 3;
// The first byte of an upload that takes this many milliseconds.
constexpr unsigned char kSlowByte = 99;

std::atomic<long> liveDevices{0};
std::atomic<long> liveKernels{0};
std::atomic<long> liveGraphs{0};
std::atomic<long> liveBytes{0};

// As oneDNN's static objects, it must outlive every use of the library: exit() may destroy it only when no device is open.
struct Static {
  ~Static() {
    if (liveDevices > 0) abort();
  }
};
const Static staticObject;

// Makes such an object while the first job of the process may run, and takes its time.
void makeLateStatic() {
  static const Static late;
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
}

int fail(SnError* error, const char* code, const char* message) {
  snprintf(error->code, sizeof error->code, "%s", code);
  snprintf(error->message, sizeof error->message, "%s", message);
  return SN_FAILED;
}

// Throws one exception of each kind that saturnn::describe() distinguishes.
[[noreturn]] void raise(int32_t kind) {
  if (kind == 0) throw saturnn::Error("ERR_FAKE", "an Error has a code");
  if (kind == 1) throw std::bad_alloc();
  if (kind == 2) throw std::runtime_error("an exception of the library");
  throw kind;
}

int64_t elements(const SnTensor& tensor) {
  int64_t count = 1;
  for (int i = 0; i < tensor.rank; ++i) count *= tensor.shape[i];
  return count;
}

// Returns the element with index `i` in the order of the tensor's shape.
int64_t place(const SnTensor& tensor, int64_t i) {
  const int64_t channels = tensor.shape[tensor.rank - 1];
  const int64_t channel = i % channels + tensor.channel_offset;
  const int64_t position = i / channels;
  if (tensor.layout == SN_PLAIN) return position * tensor.parent_channels + channel;
  const int64_t pixels = tensor.shape[1] * tensor.shape[2];
  const int64_t block = position / pixels * (tensor.parent_channels / 16) + channel / 16;
  return (block * pixels + position % pixels) * 16 + channel % 16;
}

template <class T>
T& element(const SnTensor& tensor, void* data, int64_t i) {
  return static_cast<T*>(data)[place(tensor, i)];
}

bool copy(const SnKernel& kernel, void* const* inputs, void* const* outputs, void*) {
  for (int64_t i = 0; i < elements(kernel.outputs[0]); ++i) {
    if (kernel.outputs[0].dtype == SN_U8) {
      element<uint8_t>(kernel.outputs[0], outputs[0], i) = element<uint8_t>(kernel.inputs[0], inputs[0], i);
    } else {
      element<uint32_t>(kernel.outputs[0], outputs[0], i) = element<uint32_t>(kernel.inputs[0], inputs[0], i);
    }
  }
  return true;
}

bool add(const SnKernel& kernel, void* const* inputs, void* const* outputs, void*) {
  for (int64_t i = 0; i < elements(kernel.outputs[0]); ++i) {
    float sum = 0;
    for (size_t k = 0; k < kernel.inputs.size(); ++k) {
      if (inputs[k] != nullptr) sum += element<float>(kernel.inputs[k], inputs[k], i);
    }
    element<float>(kernel.outputs[0], outputs[0], i) = sum;
  }
  return true;
}

// Waits for `attributes[0]` milliseconds, then copies.
bool slow(const SnKernel& kernel, void* const* inputs, void* const* outputs, void* scratch) {
  std::this_thread::sleep_for(std::chrono::milliseconds(kernel.attributes[0]));
  return copy(kernel, inputs, outputs, scratch);
}

bool refuse(const SnKernel&, void* const*, void* const*, void*) { return false; }

// Copies the first element only.
bool first(const SnKernel& kernel, void* const* inputs, void* const* outputs, void*) {
  element<float>(kernel.outputs[0], outputs[0], 0) = element<float>(kernel.inputs[0], inputs[0], 0);
  return true;
}

// Returns the first word that it finds in its scratch memory.
bool peek(const SnKernel& kernel, void* const*, void* const* outputs, void* scratch) {
  memcpy(&element<uint32_t>(kernel.outputs[0], outputs[0], 0), scratch, 4);
  return true;
}

bool isNegative(const SnKernel& kernel, void* const* inputs, void* const* outputs, void*) {
  element<int32_t>(kernel.outputs[0], outputs[0], 0) = element<float>(kernel.inputs[0], inputs[0], 0) < 0;
  return true;
}

// Writes State. Inputs: gate (optional), target, value.
bool assign(const SnKernel& kernel, void* const* inputs, void* const*, void*) {
  if (inputs[0] != nullptr && *static_cast<int32_t*>(inputs[0]) != 0) return true;
  memcpy(inputs[1], inputs[2], static_cast<size_t>(elements(kernel.inputs[1])) * 4);
  return true;
}

// Fails unless every input lies inside the output already, at the element given by its attribute; 0 for a slice of it.
bool placed(const SnKernel& kernel, void* const* inputs, void* const* outputs, void*) {
  for (size_t i = 0; i < kernel.inputs.size(); ++i) {
    if (inputs[i] != static_cast<float*>(outputs[0]) + kernel.attributes[i]) return false;
  }
  return true;
}

struct Op {
  SnOpInfo info;
  Launch run;
  int64_t scratchBytes;
  bool sameElements;  // operands that are there agree in dtype and size
};

constexpr SnField kDelay{"milliseconds", SN_I32};
constexpr SnField kKind{"kind", SN_I32};

// Returns the row of an op without attributes. SN_ANY_NUMBER inputs: any number of them.
SnOpInfo row(const char* name, int32_t inputs, int32_t outputs) {
  const int32_t least = inputs == SN_ANY_NUMBER ? 0 : inputs;
  return {name, 0, nullptr, 0, 0, least, inputs, outputs};
}

const Op table[] = {
    {row("copy", 1, 1), copy, 0, true},
    {row("add", SN_ANY_NUMBER, 1), add, 0, true},
    {{"slow", 4, &kDelay, 1, 0, 1, 1, 1}, slow, 0, true},
    {row("refuse", SN_ANY_NUMBER, 1), refuse, 0, false},
    {row("first", 1, 1), first, 0, false},
    {row("peek", 1, 1), peek, 64, false},
    {row("isNegative", 1, 1), isNegative, 0, false},
    {row("assign", 3, 0), assign, 0, false},
    {{"placed", 0, nullptr, 0, 1, 0, SN_ANY_NUMBER, 1}, placed, 0, false},
    {row("none", SN_ANY_NUMBER, 1), nullptr, 0, false},
    {row("late", 1, 1), copy, 0, true},
    {{"throws", 4, &kKind, 1, 0, 1, 1, 1}, nullptr, 0, false},
    {{"leaks", 4, &kKind, 1, 0, 1, 1, 1}, nullptr, 0, false},
};
constexpr int kOpCount = sizeof table / sizeof *table;

void probe(const SnOpenOptions*, char* json, size_t capacity) {
  snprintf(json, capacity, "{\"devices\":%ld,\"kernels\":%ld,\"graphs\":%ld,\"bytes\":%ld}", liveDevices.load(),
           liveKernels.load(), liveGraphs.load(), liveBytes.load());
}

int openDevice(const SnOpenOptions* options, SnDevice** device, SnError* error) {
  if (options->index == 2) raise(2);
  if (options->index > 0) return fail(error, "ERR_FAKE_OPEN", "there is one device only");
  *device = new SnDevice{options->threads};
  ++liveDevices;
  return SN_OK;
}

void closeDevice(SnDevice* device) {
  delete device;
  --liveDevices;
}

void describe(SnDevice* device, char* json, size_t capacity) {
  snprintf(json, capacity, "{\"name\":\"fake\",\"threads\":%d}", device->threads);
}

int allocate(SnDevice*, size_t bytes, void** data, SnError* error) {
  if (bytes == kLeakingBytes) raise(2);
  *data = bytes > kMemoryLimit ? nullptr : aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*data == nullptr) return fail(error, "ERR_OUT_OF_MEMORY", "the fake device is full");
  liveBytes += static_cast<long>(bytes);
  return SN_OK;
}

void release(SnDevice*, void* data, size_t bytes) {
  free(data);
  liveBytes -= static_cast<long>(bytes);
}

// The kernels and pointers recorded between begin_capture and end_capture, which launch_graph runs. One per thread, because
// every device has its own.
using Record = std::function<bool()>;
thread_local std::vector<Record>* recording = nullptr;

bool enqueue(Record record) {
  if (recording == nullptr) return record();
  recording->push_back(std::move(record));
  return true;
}

int transfer(SnDevice*, void* destination, const void* source, size_t bytes, SnError* error) {
  if (recording != nullptr) return fail(error, "ERR_FAKE_CAPTURE", "the host was asked for in a capture");
  memcpy(destination, source, bytes);
  return SN_OK;
}

int copyInside(SnDevice*, void* destination, const void* source, size_t bytes, SnError*) {
  enqueue([=] { return memcpy(destination, source, bytes) != nullptr; });
  return SN_OK;
}

int fill(SnDevice*, void* destination, uint8_t value, size_t bytes, SnError*) {
  enqueue([=] { return memset(destination, value, bytes) != nullptr; });
  return SN_OK;
}

int synchronize(SnDevice*, SnError*) { return SN_OK; }

thread_local std::chrono::steady_clock::time_point timerStart;

int startTimer(SnDevice*, SnError*) {
  timerStart = std::chrono::steady_clock::now();
  return SN_OK;
}

int stopTimer(SnDevice*, double* milliseconds, SnError*) {
  *milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - timerStart).count();
  return SN_OK;
}

const char* show(const SnTensor& tensor) {
  if (tensor.dtype == SN_NONE) return "none";
  const bool slice = tensor.parent_channels != tensor.shape[tensor.rank - 1];
  if (tensor.layout == SN_NCHW16C) return slice ? "blocked slice" : "blocked";
  return slice ? "plain slice" : "plain";
}

bool same(const SnTensor& a, const SnTensor& b) {
  return a.dtype == b.dtype && elements(a) == elements(b) && (a.rank == b.rank || a.layout == SN_PLAIN);
}

// Checks that the operands fit the op and each other, which the core leaves to backends.
bool fits(const Op& entry, const SnOpDesc& op) {
  for (int i = 0; i < op.output_count; ++i) {
    if (op.outputs[i].dtype == SN_NONE) return false;
  }
  if (entry.run == assign) return op.inputs[2].dtype != SN_NONE && same(op.inputs[1], op.inputs[2]);
  for (int i = 0; i < op.input_count; ++i) {
    const bool absent = op.inputs[i].dtype == SN_NONE;
    if (absent && entry.run != add) return false;
    if (!absent && entry.sameElements && !same(op.inputs[i], op.outputs[0])) return false;
  }
  return entry.run != add || op.outputs[0].dtype == SN_F32;
}

int createKernel(SnDevice*, const SnOpDesc* op, SnKernel** kernel, SnKernelInfo* info, SnError* error) {
  for (const Op& entry : table) {
    if (strcmp(entry.info.name, op->name) != 0) continue;
    int32_t kind = 0;
    if (op->attribute_bytes == sizeof kind) memcpy(&kind, op->attributes, sizeof kind);
    if (strcmp(op->name, "throws") == 0) return saturnn::guarded(error, op->name, [&] { raise(kind); });
    if (strcmp(op->name, "leaks") == 0) raise(kind);
    if (strcmp(op->name, "late") == 0) makeLateStatic();
    if (entry.run == nullptr) return fail(error, "ERR_UNSUPPORTED", "[none] is refused");
    if (!fits(entry, *op)) return fail(error, "ERR_INVALID_ARGUMENT", "the operands do not fit");
    *kernel = new SnKernel{entry.run,
                           {op->inputs, op->inputs + op->input_count},
                           {op->outputs, op->outputs + op->output_count},
                           std::vector<int32_t>(op->attribute_bytes / 4)};
    if (op->attribute_bytes > 0) memcpy((*kernel)->attributes.data(), op->attributes, op->attribute_bytes);
    info->scratch_bytes = entry.scratchBytes;
    const char* from = op->input_count > 0 ? show(op->inputs[0]) : "nothing";
    const char* to = op->output_count > 0 ? show(op->outputs[0]) : "nothing";
    snprintf(info->implementation, sizeof info->implementation, "%s -> %s", from, to);
    ++liveKernels;
    return SN_OK;
  }
  return fail(error, "ERR_UNSUPPORTED", "no such op");
}

void destroyKernel(SnKernel* kernel) {
  delete kernel;
  --liveKernels;
}

int launch(SnKernel* kernel, void* const* inputs, void* const* outputs, void* scratch, SnError* error) {
  const std::vector<void*> from(inputs, inputs + kernel->inputs.size());
  const std::vector<void*> to(outputs, outputs + kernel->outputs.size());
  // A backend may refuse to capture.
  if (kernel->run == refuse) return fail(error, "ERR_FAKE_LAUNCH", "the launch was refused");
  enqueue([=] { return kernel->run(*kernel, from.data(), to.data(), scratch); });
  return SN_OK;
}

int beginCapture(SnDevice*, SnError*) {
  recording = new std::vector<Record>();
  return SN_OK;
}

int endCapture(SnDevice*, SnGraph** graph, SnError*) {
  *graph = new SnGraph{std::move(*recording)};
  delete recording;
  recording = nullptr;
  ++liveGraphs;
  return SN_OK;
}

int launchGraph(SnGraph* graph, SnError*) {
  for (const Record& record : graph->records) record();
  return SN_OK;
}

void destroyGraph(SnGraph* graph) {
  delete graph;
  --liveGraphs;
}

int latch(SnDevice*, int32_t* gate, int32_t* skip, int32_t* halt, SnError*) {
  enqueue([=] {
    if (halt[0] == 0 && *gate == 0) {
      ++halt[1];
    } else {
      halt[0] = *gate = 1;
      if (skip != nullptr) *skip = 1;
    }
    return true;
  });
  return SN_OK;
}

int createUploader(SnDevice*, size_t bytes, SnUploader** uploader, SnError* error) {
  if (bytes == kUnpinnedBytes) return fail(error, "ERR_OUT_OF_MEMORY", "the fake host pins no such memory");
  *uploader = new SnUploader{std::vector<char>(bytes)};
  liveBytes += static_cast<long>(bytes);
  return SN_OK;
}

void destroyUploader(SnUploader* uploader) {
  liveBytes -= static_cast<long>(uploader->pinned.size());
  delete uploader;
}

int uploadAhead(SnUploader* uploader, void* destination, const void* source, size_t bytes, SnError* error) {
  if (bytes == kFailingBytes) return fail(error, "ERR_FAKE_UPLOAD", "the upload was refused");
  const auto* from = static_cast<const unsigned char*>(source);
  if (bytes > 0 && *from == kSlowByte) std::this_thread::sleep_for(std::chrono::milliseconds(kSlowByte));
  memcpy(uploader->pinned.data(), from, bytes);
  uploader->destination = destination;
  uploader->bytes = bytes;
  return SN_OK;
}

int awaitUpload(SnUploader* uploader, SnError*) {
  if (uploader->bytes > 0) memcpy(uploader->destination, uploader->pinned.data(), uploader->bytes);
  return SN_OK;
}

SnOpInfo infos[kOpCount];

SnBackend makeBackend() {
  for (int i = 0; i < kOpCount; ++i) infos[i] = table[i].info;
  SnBackend backend{};
  backend.abi_version = SATURNN_ABI_VERSION;
  backend.name = "fake";
  backend.ops = infos;
  backend.op_count = kOpCount;
  backend.prefers_blocked_images = kBlocked;
  backend.probe = probe;
  backend.open = openDevice;
  backend.close = closeDevice;
  backend.describe = describe;
  backend.allocate = allocate;
  backend.release = release;
  backend.upload = transfer;
  backend.download = transfer;
  backend.fill = fill;
  backend.copy = copyInside;
  backend.synchronize = synchronize;
  backend.start_timer = startTimer;
  backend.stop_timer = stopTimer;
  backend.create_kernel = createKernel;
  backend.destroy_kernel = destroyKernel;
  backend.launch = launch;
  backend.begin_capture = beginCapture;
  backend.end_capture = endCapture;
  backend.launch_graph = launchGraph;
  backend.destroy_graph = destroyGraph;
  backend.latch = latch;
  backend.create_uploader = createUploader;
  backend.destroy_uploader = destroyUploader;
  backend.upload_ahead = uploadAhead;
  backend.await_upload = awaitUpload;
  return backend;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const SnBackend* saturnn_backend(uint32_t abi_version,
                                                                                   uint32_t* own_version) {
  static const SnBackend backend = makeBackend();
  *own_version = SATURNN_ABI_VERSION;
  return abi_version == SATURNN_ABI_VERSION ? &backend : nullptr;
}
