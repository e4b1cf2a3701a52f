// Marks symbols that other emulated libraries use. All others are hidden.
#pragma once

#define EMULATOR_API __attribute__((visibility("default")))
