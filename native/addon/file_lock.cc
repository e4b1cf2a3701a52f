#include "addon/file_lock.h"

#include <sys/file.h>

#include <cerrno>
#include <climits>

#include "addon/values.h"

namespace saturnn {

Napi::Value lockFile(const Napi::CallbackInfo& info) {
  return guard(info.Env(), [&]() -> Napi::Value {
    const int descriptor = static_cast<int>(readInteger(info[0], "descriptor", 0, INT_MAX));
    int refusal = 0;
    do {
      refusal = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    } while (refusal == EINTR);
    return Napi::Number::New(info.Env(), refusal);
  });
}

}  // namespace saturnn
