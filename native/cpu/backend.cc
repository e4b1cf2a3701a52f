// The CPU backend behind the C ABI: devices, memory, and kernels from the op table. No exception leaves this file.
#include <dnnl.hpp>
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <sstream>
#include <vector>

#include "device.h"
#include "kernel.h"
#include "memory.h"
#include "ops.h"
#include "processor.h"
#include "simd/table.h"

#if DNNL_VERSION_MAJOR != 2 || DNNL_VERSION_MINOR < 6
#error "saturnn needs oneDNN >= 2.6 and < 3"
#endif

struct SnDevice {
  saturnn::Device device;
};

struct SnKernel {
  SnDevice* owner;
  std::string context;  // before the messages of launch errors
  std::unique_ptr<saturnn::Kernel> kernel;
};

namespace saturnn {

namespace {

std::string jsonString(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) json += c;
  }
  return json + "\"";
}

std::string oneDnnVersion() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
}

bool hasIsa(dnnl::cpu_isa isa) {
  const auto bits = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
}

// The widest of the instruction sets that decide which implementations oneDNN has for f32.
const char* oneDnnIsa() {
  if (hasIsa(dnnl::cpu_isa::avx512_core)) return "avx512_core";
  if (hasIsa(dnnl::cpu_isa::avx2)) return "avx2";
  if (hasIsa(dnnl::cpu_isa::avx)) return "avx";
  return "sse41";
}

// Empty if the oneDNN that was found at run time can be used.
std::string oneDnnProblem() {
  const dnnl_version_t* version = dnnl_version();
  if (version->major != 2 || version->minor < 6) {
    return "saturnn needs oneDNN >= 2.6 and < 3 but found " + oneDnnVersion();
  }
  // Threads are set through OpenMP; with another runtime oneDNN would take as many as it likes.
  if (version->cpu_runtime != DNNL_RUNTIME_OMP) return "saturnn needs a oneDNN that is built with OpenMP";
  return "";
}

std::string versionFields() {
  std::ostringstream json;
  json << "\"name\":" << jsonString(processorName()) << ",\"memoryBytes\":" << memoryBytes()
       << ",\"cores\":" << usableCores() << ",\"onednn\":" << jsonString(oneDnnVersion())
       << ",\"onednnIsa\":" << jsonString(oneDnnIsa());
  return json.str();
}

void writeJson(char* json, size_t capacity, const std::string& text) {
  if (capacity > 0) std::snprintf(json, capacity, "%s", text.c_str());
}

void probe(const SnOpenOptions*, char* json, size_t capacity) {
  SnError error{};
  guarded(&error, "", [&] {
    std::string problem = oneDnnProblem();
    std::string fields = versionFields();
    try {
      fields += ",\"simd\":" + jsonString(selectSimdTable().name);
    } catch (const Error& e) {
      problem += (problem.empty() ? "" : "; ") + std::string(e.what());
    }
    const std::string missing = problem.empty() ? "[]" : "[" + jsonString(problem) + "]";
    writeJson(json, capacity, "{\"available\":" + std::string(problem.empty() ? "true" : "false") + "," + fields +
                                  ",\"missing\":" + missing + "}");
  });
  if (error.code[0]) writeJson(json, capacity, "{\"available\":false,\"missing\":[\"the probe itself failed\"]}");
}

int open(const SnOpenOptions* options, SnDevice** device, SnError* error) {
  return guarded(error, "", [&] {
    require(options->index == 0, "Expected device index 0 for the CPU but received " + std::to_string(options->index));
    require(options->threads >= 0, "Expected threads >= 0 but received " + std::to_string(options->threads));
    const std::string problem = oneDnnProblem();
    if (!problem.empty()) throw Error("ERR_ONEDNN_VERSION", problem);
    const int wanted = options->threads > 0 ? options->threads : usableCores();
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    *device = new SnDevice{{std::min(wanted, omp_get_thread_limit()), &selectSimdTable(), engine, dnnl::stream(engine)}};
  });
}

void close(SnDevice* device) { delete device; }

void describe(SnDevice* owner, char* json, size_t capacity) {
  const Device& device = owner->device;
  SnError error{};
  guarded(&error, "", [&] {
    std::ostringstream text;
    text << "{" << versionFields() << ",\"threads\":" << device.threads << ",\"simd\":" << jsonString(device.simd->name)
         << "}";
    writeJson(json, capacity, text.str());
  });
  if (error.code[0]) writeJson(json, capacity, "{}");
}

int allocate(SnDevice*, size_t bytes, void** memory, SnError* error) {
  return guarded(error, "", [&] { *memory = allocateMemory(bytes); });
}

void release(SnDevice*, void* memory, size_t bytes) { releaseMemory(memory, bytes); }

int copyBytes(SnDevice*, void* destination, const void* source, size_t bytes, SnError*) {
  std::memcpy(destination, source, bytes);
  return SN_OK;
}

int fill(SnDevice*, void* destination, uint8_t value, size_t bytes, SnError*) {
  std::memset(destination, value, bytes);
  return SN_OK;
}

int synchronize(SnDevice*, SnError*) { return SN_OK; }

// OpenMP's team size belongs to the calling thread, and callers may share a thread between devices.
void useThreadsOf(const Device& device) {
  omp_set_dynamic(0);  // a team that is smaller than asked for would change the order of sums
  omp_set_num_threads(device.threads);
}

void requireCount(const char* what, int32_t count, int32_t least, int32_t most) {
  require(count >= least && count <= most,
          "Expected " + std::to_string(least) + (most > least ? " or more " : " ") + what + " but received " +
              std::to_string(count));
}

int createKernel(SnDevice* owner, const SnOpDesc* desc, SnKernel** result, SnKernelInfo* info, SnError* error) {
  const std::string context = std::string("[") + desc->name + "] ";
  return guarded(error, context.c_str(), [&] {
    const Op* op = findOp(desc->name);
    if (!op) throw Error("ERR_UNSUPPORTED_OP", "The CPU backend has no kernel for this op");
    requireCount("inputs", desc->input_count, op->minInputs, op->maxInputs);
    requireCount("outputs", desc->output_count, op->outputs, op->outputs);
    require(op->attributeBytes == 0 || desc->attribute_bytes == op->attributeBytes,
            "Expected " + std::to_string(op->attributeBytes) + " bytes of attributes but received " +
                std::to_string(desc->attribute_bytes));
    useThreadsOf(owner->device);
    auto kernel = std::make_unique<SnKernel>(SnKernel{owner, context, op->create(*desc, owner->device)});
    *info = kernel->kernel->info();
    *result = kernel.release();
  });
}

void destroyKernel(SnKernel* kernel) { delete kernel; }

int launch(SnKernel* kernel, void* const* inputs, void* const* outputs, void* scratch, SnError* error) {
  return guarded(error, kernel->context.c_str(), [&] {
    useThreadsOf(kernel->owner->device);
    kernel->kernel->launch(inputs, outputs, scratch);
  });
}

SnBackend makeBackend() {
  static const std::vector<SnOpInfo> infos = [] {
    std::vector<SnOpInfo> list;
    for (int32_t i = 0; i < opCount; ++i) list.push_back({opTable[i].name, opTable[i].attributeBytes});
    return list;
  }();
  SnBackend backend{};
  backend.abi_version = SATURNN_ABI_VERSION;
  backend.name = "cpu";
  backend.ops = infos.data();
  backend.op_count = opCount;
  // Blocks of 16 channels are one AVX-512 vector; narrower instruction sets would get reference kernels for them.
  backend.prefers_blocked_images = hasIsa(dnnl::cpu_isa::avx512_core) ? 1 : 0;
  backend.probe = probe;
  backend.open = open;
  backend.close = close;
  backend.describe = describe;
  backend.allocate = allocate;
  backend.release = release;
  backend.upload = copyBytes;
  backend.download = copyBytes;
  backend.fill = fill;
  backend.synchronize = synchronize;
  backend.create_kernel = createKernel;
  backend.destroy_kernel = destroyKernel;
  backend.launch = launch;
  return backend;
}

}  // namespace

}  // namespace saturnn

extern "C" __attribute__((visibility("default"))) const SnBackend* saturnn_backend(uint32_t abi_version,
                                                                                   uint32_t* own_version) {
  if (own_version) *own_version = SATURNN_ABI_VERSION;
  if (abi_version != SATURNN_ABI_VERSION) return nullptr;
  static const SnBackend backend = saturnn::makeBackend();
  return &backend;
}
