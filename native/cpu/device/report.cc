#include "cpu/device/report.h"

#include <dnnl.hpp>

#include "cpu/device/device.h"
#include "cpu/device/limits.h"
#include "cpu/device/processor.h"
#include "cpu/simd/table.h"
#include "cpu/storage.h"
#include "shared/precisions.h"

#if DNNL_VERSION_MAJOR != 2 || DNNL_VERSION_MINOR < 6
#error "saturnn needs oneDNN >= 2.6 and < 3"
#endif

namespace saturnn::cpu {

namespace {

std::string oneDnnVersion() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
}

bool hasIsa(dnnl::cpu_isa isa) {
  const auto bits = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
}

// Returns the widest instruction set that oneDNN has implementations for, among those that matter for f32 and bf16.
const char* oneDnnIsa() {
  if (hasIsa(dnnl::cpu_isa::avx512_core_amx)) return "avx512_core_amx";
  if (hasIsa(dnnl::cpu_isa::avx512_core_bf16)) return "avx512_core_bf16";
  if (hasIsa(dnnl::cpu_isa::avx512_core)) return "avx512_core";
  if (hasIsa(dnnl::cpu_isa::avx2)) return "avx2";
  if (hasIsa(dnnl::cpu_isa::avx)) return "avx";
  return "sse41";
}

// Returns what the processor lacks for a precision. bf16 needs both saturnn's own loops and oneDNN's kernels, and oneDNN
// has none for vectors narrower than AVX-512. Further instructions for bf16 only change the speed.
std::string lackFor(Precision precision, const SimdTable& simd) {
  if (precision == Precision::f32) return "";
  if (precision != Precision::bf16) return "needs a GPU";
  if (simd.bf16 && hasIsa(dnnl::cpu_isa::avx512_core)) return "";
  return std::string("needs ") + bf16Needs + "; this one is used as " + simd.name + " by saturnn and " + oneDnnIsa() +
         " by oneDNN";
}

// The fields "simd", "precisions" and "missingPrecisions".
std::string simdFields(const SimdTable& simd) {
  const auto lack = [&](Precision precision) { return lackFor(precision, simd); };
  return "\"simd\":" + jsonString(simd.name) + "," + precisionFields(lack);
}

// The fields "processorQuota" and "memoryLimit", each only if a control group sets it.
std::string limitFields() {
  const Limits limits = controlGroupLimits();
  std::string fields;
  if (limits.processors > 0) fields += ",\"processorQuota\":" + std::to_string(limits.processors);
  if (limits.memory > 0) fields += ",\"memoryLimit\":" + std::to_string(limits.memory);
  return fields;
}

std::string hostFields() {
  return "\"name\":" + jsonString(processorName()) + ",\"memory\":" + std::to_string(memoryBytes()) +
         ",\"cores\":" + std::to_string(usableCores()) + limitFields() + ",\"onednn\":" + jsonString(oneDnnVersion()) +
         ",\"onednnIsa\":" + jsonString(oneDnnIsa());
}

}  // namespace

std::string probeJson() {
  std::string fields = hostFields(), missing;
  const auto check = [&](auto&& piece) {
    try {
      piece();
    } catch (const Error& e) {
      addMissing(missing, e.code(), e.what());
    }
  };
  check(requireOneDnn);
  check([&] {
    const SimdTable& simd = selectSimdTable();
    fields += "," + simdFields(simd);
  });
  return std::string("{\"usable\":") + (missing.empty() ? "true" : "false") + "," + fields + ",\"missing\":[" +
         missing + "]}";
}

std::string describeJson(const Device& device) {
  return "{\"backend\":\"cpu\"," + hostFields() + ",\"threads\":" + std::to_string(device.threads) + "," +
         simdFields(*device.simd) + "}";
}

void requireOneDnn() {
  const dnnl_version_t* version = dnnl_version();
  if (version->major != 2 || version->minor < 6) {
    throw Error("ERR_ONEDNN_VERSION", "saturnn needs oneDNN >= 2.6 and < 3 but found " + oneDnnVersion());
  }
  // The number of threads is set through OpenMP, which a oneDNN with another runtime would ignore.
  if (version->cpu_runtime != DNNL_RUNTIME_OMP) {
    throw Error("ERR_ONEDNN_RUNTIME", "saturnn needs a oneDNN that is built with OpenMP but found another runtime");
  }
}

bool prefersBlockedImages() { return hasIsa(dnnl::cpu_isa::avx512_core); }

}  // namespace saturnn::cpu
