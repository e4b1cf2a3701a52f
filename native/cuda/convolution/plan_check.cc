// A program for the tests and for the table in docs/: prints the plans that cuDNN has for given convolutions. It needs
// cuDNN's libraries and a description of a GPU, but no GPU and no driver; for plans that are compiled at run time it
// needs a stand-in for libcuda.so.1.
//
//   cudnn_plans DEVICE_JSON FOLDER... < tasks
//
// A task is one line: pass (forward, dgrad, wgrad), dtype of the images (f32, bf16, f16), allowTf32, plain, twice, bias (0
// or 1 each), activation (-1: none), slope, then n h w c o kh kw oh ow strideH strideW padTop padLeft padBottom padRight
// dilationH dilationW groups. The first line that comes out is cuDNN's version; then, for each task, one line of JSON, a list of the variants in the order in which the
// backend prefers them: {"name", "engine", "workspace", "compiled"} for its first plan, or {"name", "problem"}. "twice":
// the plan is also made again from its remembered choice.
#include <fstream>
#include <iostream>
#include <sstream>

#include "cuda/convolution/conv_task.h"
#include "cuda/device/libraries.h"
#include "shared/json.h"

namespace {

using namespace saturnn;
using namespace saturnn::cuda;

std::string contents(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void requireUsable(const LibraryReport& report) {
  if (!report.code.empty()) throw Error(report.code, report.problem);
}

struct Question {
  ConvTask task{};
  bool twice = false;
};

std::string check(const GraphTarget& target, const Question& question, const ConvVariant& variant) {
  const ConvTask& task = question.task;
  const std::string name = "{\"name\":" + jsonString(variant.name);
  try {
    const ConvPlan plan = ConvPlan::first(target, variant.spec, task.policy());
    if (question.twice && !ConvPlan::again(target, variant.spec, task.policy(), plan.choice())) {
      throw Error("ERR_CUDNN", "no plan from the choice " + plan.choice().text());
    }
    return name + ",\"engine\":" + jsonString(plan.name()) + ",\"workspace\":" + std::to_string(plan.workspaceBytes()) +
           ",\"compiled\":" + (plan.isCompiledAtRunTime() ? "true" : "false") + "}";
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

Question readQuestion(const std::string& line) {
  std::istringstream words(line);
  std::string pass, images;
  Question question;
  ConvTask& task = question.task;
  ConvProblem& p = task.problem;
  ConvEpilogue& e = task.epilogue;
  words >> pass >> images >> task.allowTf32 >> task.plain >> question.twice >> e.bias >> e.activation >> e.slope;
  words >> p.n >> p.h >> p.w >> p.c >> p.o >> p.kh >> p.kw >> p.oh >> p.ow >> p.strideH >> p.strideW;
  words >> p.padTop >> p.padLeft >> p.padBottom >> p.padRight >> p.dilationH >> p.dilationW >> p.groups;
  if (!words) throw Error("ERR_INVALID_ARGUMENT", "Expected a task but received " + line);
  task.pass = named<ConvPass>(
      pass, {{"forward", ConvPass::forward}, {"dgrad", ConvPass::dataGradient}, {"wgrad", ConvPass::weightGradient}});
  task.images = named<SnDType>(images, {{"f32", SN_F32}, {"bf16", SN_BF16}, {"f16", SN_F16}});
  return question;
}

void checkAll(const char* deviceJson, const std::vector<std::string>& folders) {
  const Libraries libraries = loadLibraries(folders);
  requireUsable(libraries.cudnnReport);
  requireUsable(libraries.cublasLtReport);
  const Descriptor device = describeDevice(libraries.cudnn, contents(deviceJson));
  const GraphTarget target{libraries.cudnn, nullptr, &device};
  std::cout << libraries.cudnnReport.version << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    const Question question = readQuestion(line);
    std::string list;
    for (const ConvVariant& variant : variantsOf(question.task)) {
      list += (list.empty() ? "" : ",") + check(target, question, variant);
    }
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
