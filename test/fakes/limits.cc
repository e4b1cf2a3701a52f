// Prints the limits of control groups that a tree of files describes, for test/native/threads.test.ts.
#include "cpu/device/limits.h"

#include <cstdio>

int main(int, char** arguments) {
  const saturnn::cpu::Limits limits = saturnn::cpu::controlGroupLimits(arguments[1]);
  std::printf("{\"processors\":%g,\"memory\":%lld}", limits.processors, static_cast<long long>(limits.memory));
}
