// The one exception type of the core. `code` is what JavaScript sees in error.code. It never crosses the C ABI (a
// backend fills SnError instead) and never leaves the engine thread (it becomes the rejection of a promise).
#pragma once

#include <stdexcept>
#include <string>

namespace saturnn {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

}  // namespace saturnn
