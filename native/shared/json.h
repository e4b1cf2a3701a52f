// The JSON that a backend's probe() and describe() write.
#pragma once

#include <cstring>
#include <string>

#include "shared/error.h"

namespace saturnn {

inline std::string jsonString(const std::string& text) {
  std::string json = "\"";
  for (const char character : text) {
    char escaped[8] = {character, 0};
    if (character == '"' || character == '\\') std::snprintf(escaped, sizeof escaped, "\\%c", character);
    if (static_cast<unsigned char>(character) < 0x20) std::snprintf(escaped, sizeof escaped, "\\u%04x", character);
    json += escaped;
  }
  return json + "\"";
}

// Appends an entry to the list `missing` of probe().
inline void addMissing(std::string& list, const std::string& code, const std::string& message) {
  list += (list.empty() ? "" : ",") + ("{\"code\":" + jsonString(code)) + ",\"message\":" + jsonString(message) + "}";
}

// Writes the JSON object that `make` returns into `buffer`. If `make` throws, the object is unusable and says why.
template <class Make>
void writeJson(char* buffer, size_t capacity, Make&& make) noexcept {
  const auto write = [&](const std::string& json) {
    if (json.size() >= capacity) throw Error("ERR_INTERNAL", "the description is too long for the caller's buffer");
    std::memcpy(buffer, json.c_str(), json.size() + 1);
  };
  SnError error{};
  if (guarded(&error, [&] { write(make()); }) == SN_OK) return;
  const auto writeFailure = [&] {
    std::string missing;
    addMissing(missing, error.code, error.message);
    write("{\"usable\":false,\"missing\":[" + missing + "]}");
  };
  if (guarded(nullptr, writeFailure) != SN_OK) std::snprintf(buffer, capacity, "{}");
}

}  // namespace saturnn
