// See conv_choice.h.
#include "cuda/convolution/conv_choice.h"

#include "cuda/convolution/conv_timing.h"
#include "cuda/convolution/tuning.h"
#include "cuda/device/check.h"
#include "shared/abi.h"

namespace saturnn::cuda {
namespace {

using Runner = std::unique_ptr<ConvRunner>;

Runner runner(SnDevice& device, const ConvTask& task, const ConvVariant& variant, ConvPlan plan) {
  return std::make_unique<ConvRunner>(device, task, variant, std::move(plan));
}

// Returns the first variant that works. Throws ERR_CUDNN with the reasons of all variants if none does.
Runner firstRunner(SnDevice& device, const ConvTask& task) {
  std::string reasons;
  for (const ConvVariant& variant : variantsOf(task)) {
    try {
      return runner(device, task, variant, ConvPlan::first(device.graphTarget(), variant.spec, task.policy()));
    } catch (const Error& failure) {
      reasons += std::string(reasons.empty() ? "" : " ") + failure.what();
    }
  }
  throw Error("ERR_CUDNN", reasons);
}

TuningPlace placeOf(SnDevice& device) {
  cudaDeviceProp properties;
  int index = 0;
  checkCuda(cudaGetDevice(&index), "cudaGetDevice");
  checkCuda(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  return {device.cacheFolder(), std::string(properties.name) + ", cuDNN " +
                                    std::to_string(device.graphTarget().api.getVersion()) + ", ABI " +
                                    std::to_string(abiVersion)};
}

// Makes the plan of a remembered choice, "plain 62:2=0,13=1". Null if it cannot be made any more.
Runner recalled(SnDevice& device, const ConvTask& task, const std::string& text) {
  const size_t space = text.rfind(' ');
  const auto choice = space == std::string::npos ? std::nullopt : EngineChoice::parse(text.substr(space + 1));
  if (!choice) return nullptr;
  for (const ConvVariant& variant : variantsOf(task)) {
    if (variant.name != text.substr(0, space)) continue;
    auto plan = ConvPlan::again(device.graphTarget(), variant.spec, task.policy(), *choice);
    return plan ? runner(device, task, variant, std::move(*plan)) : nullptr;
  }
  return nullptr;
}

std::vector<Runner> candidatesOf(SnDevice& device, const ConvTask& task) {
  std::vector<Runner> candidates;
  for (const ConvVariant& variant : variantsOf(task)) {
    for (ConvPlan& plan : severalPlans(device.graphTarget(), task, variant)) {
      candidates.push_back(runner(device, task, variant, std::move(plan)));
    }
  }
  return candidates;
}

// Null if nothing could be timed, mostly because there is too little memory.
Runner fastest(SnDevice& device, const ConvTask& task) {
  std::vector<Runner> candidates = candidatesOf(device, task);
  const std::vector<double> times = timeRunners(device, task, candidates);
  size_t best = times.size();
  for (size_t i = 0; i < times.size(); ++i) {
    if (times[i] >= 0 && (best == times.size() || times[i] < times[best])) best = i;
  }
  return best == times.size() ? nullptr : std::move(candidates[best]);
}

}  // namespace

Runner chooseRunner(SnDevice& device, const ConvTask& task, bool autotune) {
  if (!autotune) return firstRunner(device, task);
  const TuningPlace place = placeOf(device);
  const std::string key = task.text();
  if (const auto text = recallChoice(place, key)) {
    if (Runner known = recalled(device, task, *text)) return known;
  }
  if (Runner best = fastest(device, task)) {
    rememberChoice(place, key, best->variant().name + " " + best->plan().choice().text());
    return best;
  }
  return firstRunner(device, task);
}

}  // namespace saturnn::cuda
