// Everything is compiled with hidden symbols; this marks what crosses from one emulated library to another.
#pragma once

#define EMULATOR_API __attribute__((visibility("default")))
