// The description of the CPU backend as JSON, for `doctor` and for the record of a run, and the check of its oneDNN.
#pragma once

#include <string>

namespace saturnn::cpu {

struct Device;

// {"usable", "name", "memory", "cores", "processorQuota", "memoryLimit", "onednn", "onednnIsa", "simd", "precisions",
// "missingPrecisions", "missing": [{"code", "message"}]}; every missing piece is listed. memory, memoryLimit: bytes.
std::string probeJson();
// {"backend", "name", "memory", "cores", "processorQuota", "memoryLimit", "onednn", "onednnIsa", "threads", "simd",
// "precisions", "missingPrecisions"}; the two limits only if a control group sets them.
std::string describeJson(const Device& device);

// Throws ERR_ONEDNN_VERSION or ERR_ONEDNN_RUNTIME if the oneDNN that was loaded cannot be used.
void requireOneDnn();

// Whether blocked images are faster: a block is one AVX-512 vector, and oneDNN has no good kernels for narrower ones.
bool prefersBlockedImages();

}  // namespace saturnn::cpu
