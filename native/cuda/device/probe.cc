// See probe.h.
#include "cuda/device/probe.h"

#include "shared/json.h"

namespace saturnn::cuda {
namespace {

std::string jsonStrings(const std::vector<std::string>& texts) {
  std::string json = "[";
  for (const std::string& text : texts) json += (json.size() > 1 ? "," : "") + jsonString(text);
  return json + "]";
}

std::string entry(const LibraryReport& report) {
  std::string json = std::string("{\"usable\":") + (report.problem.empty() ? "true" : "false");
  if (!report.path.empty()) json += ",\"path\":" + jsonString(report.path);
  if (!report.version.empty()) json += ",\"version\":" + jsonString(report.version);
  json += ",\"tried\":" + jsonStrings(report.tried) + ",\"missing\":" + jsonStrings(report.missing);
  if (!report.problem.empty()) json += ",\"problem\":" + jsonString(report.problem);
  return json + "}";
}

std::string entry(const DriverReport& report) {
  std::string json = std::string("{\"usable\":") + (report.problem.empty() ? "true" : "false");
  if (report.cudaVersion) json += ",\"cuda\":" + jsonString(cudaVersionText(report.cudaVersion));
  json += ",\"devices\":" + jsonStrings(report.devices);
  if (!report.problem.empty()) json += ",\"problem\":" + jsonString(report.problem);
  return json + "}";
}

void addProblem(std::string& missing, const std::string& code, const std::string& problem) {
  if (!code.empty() && !problem.empty()) addMissing(missing, code, problem);
}

}  // namespace

std::string probeJson(const DriverReport& driver, const Libraries& libraries, const std::string& ops) {
  std::string missing;
  addProblem(missing, "ERR_CUDA_UNAVAILABLE", driver.problem);
  addProblem(missing, libraries.cudnnReport.code, libraries.cudnnReport.problem);
  addProblem(missing, libraries.cublasLtReport.code, libraries.cublasLtReport.problem);
  const std::string oldestCudnn = std::to_string(kOldestCudnnMajor) + "." + std::to_string(kOldestCudnnMinor);
  return std::string("{\"usable\":") + (missing.empty() ? "true" : "false") + ",\"driver\":" + entry(driver) +
         ",\"cudnn\":" + entry(libraries.cudnnReport) + ",\"cublasLt\":" + entry(libraries.cublasLtReport) +
         ",\"nvrtc\":" + entry(libraries.nvrtcReport) + ",\"missing\":[" + missing +
         "],\"oldest\":{\"driverCuda\":" + jsonString(cudaVersionText(kOldestDriverCuda)) +
         ",\"cudnn\":" + jsonString(oldestCudnn) + "},\"ops\":" + ops + "}";
}

}  // namespace saturnn::cuda
