// Locks of the kernel on open files.
#pragma once

#include <napi.h>

namespace saturnn {

// lockFile(descriptor): takes an exclusive lock on an open file, without waiting. The lock belongs to this opening of the
// file: it ends when the descriptor is closed, at the latest when the process ends, however it ends. Returns 0, or the
// errno of the refusal: EWOULDBLOCK if somebody else has the lock.
Napi::Value lockFile(const Napi::CallbackInfo& info);

}  // namespace saturnn
