// The precisions that a model can be computed in, and the JSON in which a backend says which of them its device has.
#pragma once

#include <string>

#include "shared/json.h"

namespace saturnn {

enum class Precision { f32, tf32, bf16, fp16 };

struct PrecisionRow {
  Precision precision;
  const char* name;  // as in JavaScript
};

constexpr PrecisionRow precisionRows[] = {
    {Precision::f32, "f32"},
    {Precision::tf32, "tf32"},
    {Precision::bf16, "bf16"},
    {Precision::fp16, "fp16"},
};

// Returns "precisions", and "missingPrecisions" if there are any, for describe(). `lack` returns what the device lacks for
// a precision, for a message; empty: it has the precision.
template <class Lack>
std::string precisionFields(Lack&& lack) {
  std::string names, missing;
  for (const PrecisionRow& row : precisionRows) {
    const std::string text = lack(row.precision);
    std::string& list = text.empty() ? names : missing;
    list += (list.empty() ? "" : ",") + jsonString(row.name) + (text.empty() ? "" : ":" + jsonString(text));
  }
  return "\"precisions\":[" + names + "]" + (missing.empty() ? "" : ",\"missingPrecisions\":{" + missing + "}");
}

}  // namespace saturnn
