// A program for the tests and for the table in docs/: which plans has cuDNN for these convolutions? It needs cuDNN's
// libraries and a description of a GPU, but no GPU and no driver; for plans that are compiled at run time, a stand-in for
// libcuda.so.1.
//
//   cudnn_plans DEVICE_JSON FOLDER... < tasks
//
// A task is one line: pass (forward, dgrad, wgrad), dtype of the images (f32, bf16, f16), allowTf32, plain, bias (0 or 1
// each), activation (-1: none), slope, then n h w c o kh kw oh ow strideH strideW padH padW. For each, one line of JSON
// comes out, a list of the variants in the order in which the backend prefers them: {"name", "engine", "workspace",
// "compiled"} for its first plan, or {"name", "problem"}.
#include <fstream>
#include <iostream>
#include <sstream>

#include "../json.h"
#include "conv_task.h"
#include "libraries.h"

namespace {

using namespace saturnn;

std::string contents(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void requireUsable(const LibraryReport& report) {
  if (!report.code.empty()) throw Error(report.code, report.problem);
}

std::string check(const GraphTarget& target, const ConvTask& task, const ConvVariant& variant) {
  const std::string name = "{\"name\":" + jsonString(variant.name);
  try {
    const ConvPlan plan = ConvPlan::first(target, variant.spec, task.policy());
    // A choice that is remembered must give the plan again.
    if (!ConvPlan::again(target, variant.spec, task.policy(), plan.choice())) {
      throw Error("ERR_CUDNN", "no plan from the choice " + plan.choice().text());
    }
    return name + ",\"engine\":" + jsonString(plan.name()) + ",\"workspace\":" +
           std::to_string(plan.workspaceBytes()) + ",\"compiled\":" + (plan.isCompiledAtRunTime() ? "true" : "false") +
           "}";
  } catch (const Error& failure) {
    return name + ",\"problem\":" + jsonString(failure.what()) + "}";
  }
}

template <class Value>
Value named(const std::string& text, std::initializer_list<std::pair<const char*, Value>> values) {
  for (const auto& [name, value] : values) {
    if (text == name) return value;
  }
  throw Error("ERR_INVALID_ARGUMENT", "Expected another word than " + text);
}

ConvTask readTask(const std::string& line) {
  std::istringstream words(line);
  std::string pass, images;
  ConvTask task{};
  ConvProblem& p = task.problem;
  ConvEpilogue& e = task.epilogue;
  words >> pass >> images >> task.allowTf32 >> task.plain >> e.bias >> e.activation >> e.slope;
  words >> p.n >> p.h >> p.w >> p.c >> p.o >> p.kh >> p.kw >> p.oh >> p.ow >> p.strideH >> p.strideW >> p.padH >>
      p.padW;
  if (!words) throw Error("ERR_INVALID_ARGUMENT", "Expected a task but received " + line);
  task.pass = named<ConvPass>(
      pass, {{"forward", ConvPass::forward}, {"dgrad", ConvPass::dataGradient}, {"wgrad", ConvPass::weightGradient}});
  task.images = named<SnDType>(images, {{"f32", SN_F32}, {"bf16", SN_BF16}, {"f16", SN_F16}});
  return task;
}

void checkAll(const char* deviceJson, const std::vector<std::string>& folders) {
  const Libraries libraries = loadLibraries(folders);
  requireUsable(libraries.cudnnReport);
  requireUsable(libraries.cublasLtReport);
  const Descriptor device = describeDevice(libraries.cudnn, contents(deviceJson));
  const GraphTarget target{libraries.cudnn, nullptr, &device};
  std::string line;
  while (std::getline(std::cin, line)) {
    const ConvTask task = readTask(line);
    std::string list;
    for (const ConvVariant& variant : variantsOf(task)) list += (list.empty() ? "" : ",") + check(target, task, variant);
    std::cout << "[" << list << "]" << std::endl;
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "Usage: cudnn_plans DEVICE_JSON FOLDER... < tasks\n";
    return 2;
  }
  try {
    checkAll(arguments[1], {arguments + 2, arguments + count});
    return 0;
  } catch (const Error& failure) {
    std::cerr << failure.code() << ": " << failure.what() << "\n";
    return 1;
  }
}
