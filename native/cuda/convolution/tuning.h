// Remembers choices made by timing: in this process, and between processes in a file of the cache folder.
#pragma once

#include <optional>
#include <string>

namespace saturnn::cuda {

// Where choices are valid: `name` is the GPU, the version of cuDNN and the hash of the ABI, "NVIDIA H200, cuDNN 92400, ABI
// 2654435769". Choices made with another GPU or version are not used.
struct TuningPlace {
  std::string folder;  // empty: choices are kept in this process only
  std::string name;
};

// Returns the choice for `key` (a line of text without tabs), or none. A file that is missing, damaged or of another
// program counts as empty.
std::optional<std::string> recallChoice(const TuningPlace& place, const std::string& key);

// Stores a choice for `key` and replaces an older one. Keeps what other processes have written. A folder that cannot be
// written to is no error: the next process times again.
void rememberChoice(const TuningPlace& place, const std::string& key, const std::string& choice);

}  // namespace saturnn::cuda
