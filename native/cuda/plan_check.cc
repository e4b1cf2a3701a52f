// A program for the tests: does cuDNN have a strict-f32 plan for these convolutions? It needs cuDNN's libraries and a
// description of a GPU, but no GPU and no driver.
//
//   cudnn_plans DEVICE_JSON FOLDER... < problems
//
// A problem is one line: n h w c o kh kw oh ow strideH strideW padH padW. For each, three lines of JSON come out, for
// the forward pass, the data gradient and the weight gradient: {"engine", "workspace"} or {"problem"}.
#include <fstream>
#include <iostream>
#include <sstream>

#include "../json.h"
#include "cudnn_graph.h"
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

std::string check(const GraphTarget& target, const ConvProblem& problem, ConvPass pass) {
  try {
    const ConvPlan plan(target, problem, pass, ConvPolicy{});
    return "{\"engine\":" + jsonString(plan.name()) + ",\"workspace\":" + std::to_string(plan.workspaceBytes()) + "}";
  } catch (const Error& failure) {
    return "{\"problem\":" + jsonString(failure.what()) + "}";
  }
}

void checkAll(const char* deviceJson, const std::vector<std::string>& folders) {
  const Libraries libraries = loadLibraries(folders);
  requireUsable(libraries.cudnnReport);
  requireUsable(libraries.cublasLtReport);
  const Descriptor device = describeDevice(libraries.cudnn, contents(deviceJson));
  const GraphTarget target{libraries.cudnn, nullptr, &device};
  ConvProblem p{};
  while (std::cin >> p.n >> p.h >> p.w >> p.c >> p.o >> p.kh >> p.kw >> p.oh >> p.ow >> p.strideH >> p.strideW >>
         p.padH >> p.padW) {
    for (const ConvPass pass : {ConvPass::forward, ConvPass::dataGradient, ConvPass::weightGradient}) {
      std::cout << check(target, p, pass) << "\n";
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "Usage: cudnn_plans DEVICE_JSON FOLDER... < problems\n";
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
