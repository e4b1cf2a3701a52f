// Ends the engines before the process destroys its static objects, however it ends: those of the backends and of oneDNN
// are in use while a job runs. Node.js gives an addon no such moment on the main thread: process.exit() and
// process.reallyExit() run no cleanup hooks, and listeners of 'exit' may have been removed. A handler of exit() would come
// too late for what a job had made after the handler was registered, as oneDNN's caches by the first kernel.
#pragma once

namespace saturnn {

class Engine;

// Lets the engine end at the latest when the calling thread ends, or calls exit(). Called by the constructor of Engine.
void endWithThread(Engine& engine);
// Called by the destructor of Engine, on any thread.
void forgetAtExit(Engine& engine) noexcept;

}  // namespace saturnn
