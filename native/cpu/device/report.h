// What the CPU backend says of itself as JSON, for `doctor` and for a run's record, and whether its oneDNN can be used.
#pragma once

#include <string>

namespace saturnn::cpu {

struct Device;

// {"usable", "name", "memory", "cores", "onednn", "onednnIsa", "simd", "precisions", "missingPrecisions",
// "missing": [{"code", "message"}]}; every missing piece is listed. memory: bytes.
std::string probeJson();
// {"backend", "name", "memory", "cores", "onednn", "onednnIsa", "threads", "simd", "precisions", "missingPrecisions"}
std::string describeJson(const Device& device);

// Throws ERR_ONEDNN_VERSION or ERR_ONEDNN_RUNTIME if the oneDNN that was found at run time does not fit.
void requireOneDnn();

// Blocks of 16 channels are one AVX-512 vector; oneDNN has no good kernels for them on narrower instruction sets.
bool prefersBlockedImages();

}  // namespace saturnn::cpu
