// Ends the engines when the process ends, however it ends: exit() runs the destructors of static objects of the backends
// and of oneDNN, which a running kernel may still use. Node.js gives an addon no such moment on the main thread:
// process.exit() and process.reallyExit() run no cleanup hooks, and listeners of 'exit' may have been removed.
#pragma once

namespace saturnn {

class Engine;

// Engines that exit() stops and waits for. Called by the constructor and the destructor of Engine.
void endAtExit(Engine& engine);
void forgetAtExit(Engine& engine) noexcept;

// Makes the engines end before all static objects that exist at this moment are destroyed. Handlers of exit() run in
// reverse order, and libraries make static objects at their first use: called before every job. Never blocks.
void renewExitHandler() noexcept;

}  // namespace saturnn
