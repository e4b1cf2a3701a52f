// See tuning.h. One file per place: a header line, then one line per choice, "key<tab>choice".
#include "cuda/convolution/tuning.h"

#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <system_error>

namespace saturnn::cuda {
namespace {

using Choices = std::map<std::string, std::string>;

constexpr const char* kHeader = "saturnn tuning 1: ";
// A larger file is not ours, or too large to be useful.
constexpr size_t kMostChoices = 100000;

std::mutex mutex;
// The choices of each place, by folder and name, that this process has read or made.
std::map<std::pair<std::string, std::string>, Choices> known;

std::string pathOf(const TuningPlace& place) {
  std::string file;
  for (const char c : place.name) file += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  return place.folder + "/tuning-" + file + ".txt";
}

bool isLine(const std::string& text) { return text.find_first_of("\t\r\n") == std::string::npos; }

Choices readFile(const TuningPlace& place) {
  Choices choices;
  if (place.folder.empty()) return choices;
  std::ifstream file(pathOf(place));
  std::string line;
  if (!std::getline(file, line) || line != kHeader + place.name) return choices;
  while (choices.size() < kMostChoices && std::getline(file, line)) {
    const size_t tab = line.find('\t');
    if (tab == std::string::npos || tab == 0 || !isLine(line.substr(tab + 1))) continue;
    choices[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return choices;
}

// Writes a new file beside the old one and renames it, so that a reader always finds a complete file.
void writeFile(const TuningPlace& place, const Choices& choices) {
  if (place.folder.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(place.folder, ignored);
  const std::string path = pathOf(place);
  const std::string temporary = path + "." + std::to_string(getpid());
  std::ofstream file(temporary, std::ios::trunc);
  file << kHeader << place.name << "\n";
  for (const auto& [key, choice] : choices) file << key << "\t" << choice << "\n";
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) std::remove(temporary.c_str());
}

Choices& choicesOf(const TuningPlace& place) {
  const auto [entry, isNew] = known.try_emplace({place.folder, place.name});
  if (isNew) entry->second = readFile(place);
  return entry->second;
}

}  // namespace

std::optional<std::string> recallChoice(const TuningPlace& place, const std::string& key) {
  const std::lock_guard<std::mutex> lock(mutex);
  const Choices& choices = choicesOf(place);
  const auto found = choices.find(key);
  return found == choices.end() ? std::nullopt : std::optional(found->second);
}

void rememberChoice(const TuningPlace& place, const std::string& key, const std::string& choice) {
  if (!isLine(key) || !isLine(choice)) return;
  const std::lock_guard<std::mutex> lock(mutex);
  Choices& choices = choicesOf(place);
  choices[key] = choice;
  // Choices of this process replace those of the file, because they are newer.
  Choices all = choices;
  all.merge(readFile(place));
  writeFile(place, all);
}

}  // namespace saturnn::cuda
