// What was chosen by timing, remembered: in this process, and between processes in a file of the cache folder.
#pragma once

#include <optional>
#include <string>

namespace saturnn::cuda {

// "NVIDIA H200, cuDNN 92400, ABI 3": choices made elsewhere say nothing about this place.
struct TuningPlace {
  std::string folder;  // empty: choices are kept in this process only
  std::string name;
};

// The choice for `key` (a line of text without tabs), or none. A file that is missing, broken or of another program is
// as good as empty.
std::optional<std::string> recallChoice(const TuningPlace& place, const std::string& key);

// Forgets an older choice for `key`. What other processes have written meanwhile is kept. A folder that cannot be
// written to is no error: the next process times again.
void rememberChoice(const TuningPlace& place, const std::string& key, const std::string& choice);

}  // namespace saturnn::cuda
