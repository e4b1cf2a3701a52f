#include "op_run.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <dlfcn.h>

#include <cstring>
#include <stdexcept>

#include "shared/abi.h"
#include "shared/operands.h"

namespace variants {
namespace {

constexpr uint8_t kUntouched = 0x5a;

void write(SnDType dtype, float value, char* to) {
  if (dtype == SN_BF16) {
    const __nv_bfloat16 half = __float2bfloat16_rn(value);
    std::memcpy(to, &half, sizeof half);
  } else if (dtype == SN_F16) {
    const __half half = __float2half_rn(value);
    std::memcpy(to, &half, sizeof half);
  } else if (dtype == SN_I32) {
    const auto integer = static_cast<int32_t>(value);
    std::memcpy(to, &integer, sizeof integer);
  } else {
    std::memcpy(to, &value, sizeof value);
  }
}

float read(SnDType dtype, const char* from) {
  if (dtype == SN_BF16) {
    __nv_bfloat16 half;
    std::memcpy(&half, from, sizeof half);
    return __bfloat162float(half);
  }
  if (dtype == SN_F16) {
    __half half;
    std::memcpy(&half, from, sizeof half);
    return __half2float(half);
  }
  float value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// A tensor, and the bytes of its whole buffer, including those before it.
struct Buffer {
  SnTensor tensor{};
  std::vector<char> bytes;
  size_t begin = 0;

  Buffer(const Operand& operand, const Storage& storage) {
    const bool image = operand.kind == Kind::image;
    tensor.dtype = image ? storage.dtype : operand.kind == Kind::vector ? SN_F32 : SN_I32;
    if (operand.kind == Kind::absent) tensor.dtype = SN_NONE;
    for (const int64_t length : operand.shape) tensor.shape[tensor.rank++] = length;
    tensor.parent_channels = saturnn::channelCount(tensor) + (image ? storage.before + storage.after : 0);
    tensor.channel_offset = image ? storage.before : 0;
    if (operand.kind == Kind::absent) return;
    if (operand.kind == Kind::vector) begin = storage.vectorShift * sizeof(float);
    bytes.assign(begin + rows() * tensor.parent_channels * saturnn::elementBytes(tensor.dtype), kUntouched);
    for (size_t i = 0; i < operand.values.size(); ++i) write(tensor.dtype, operand.values[i], at(i));
  }

  size_t rows() const { return static_cast<size_t>(saturnn::elementCount(tensor) / saturnn::channelCount(tensor)); }

  // Returns the element with this index in the order of the tensor's shape.
  char* at(size_t index) {
    const auto channels = static_cast<size_t>(saturnn::channelCount(tensor));
    const size_t place = index / channels * tensor.parent_channels + tensor.channel_offset + index % channels;
    return bytes.data() + begin + place * saturnn::elementBytes(tensor.dtype);
  }

  std::vector<float> values() {
    std::vector<float> all;
    if (!saturnn::isPresent(tensor)) return all;
    for (int64_t i = 0; i < saturnn::elementCount(tensor); ++i) all.push_back(read(tensor.dtype, at(i)));
    return all;
  }

  bool isUntouchedBeside() {
    std::vector<char> copy = bytes;
    for (int64_t i = 0; saturnn::isPresent(tensor) && i < saturnn::elementCount(tensor); ++i) {
      std::memset(copy.data() + (at(i) - bytes.data()), kUntouched, saturnn::elementBytes(tensor.dtype));
    }
    for (const char byte : copy) {
      if (byte != static_cast<char>(kUntouched)) return false;
    }
    return true;
  }
};

}  // namespace

float rounded(float value, SnDType dtype) {
  char bytes[4];
  write(dtype, value, bytes);
  return read(dtype, bytes);
}

Backend::Backend(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(dlerror());
  uint32_t version = 0;
  table_ = reinterpret_cast<SnBackendEntry>(dlsym(library, "saturnn_backend"))(saturnn::abiVersion, &version);
  if (!table_) throw std::runtime_error(path + " has ABI version " + std::to_string(version));
  const std::string folder = path.substr(0, path.rfind('/'));
  const char* folders[] = {folder.c_str()};
  const SnOpenOptions options{0, 1, folders, 1, nullptr};
  check(table_->open(&options, &device_, &error_), "open");
}

Backend::~Backend() { table_->close(device_); }

void Backend::check(int status, const std::string& what) const {
  if (status != SN_OK) throw std::runtime_error(what + ": " + error_.code + ": " + error_.message);
}

std::vector<std::vector<float>> Backend::run(const Op& op, const Storage& storage) {
  std::vector<Buffer> inputs, outputs;
  for (const Operand& operand : op.inputs) inputs.emplace_back(operand, storage);
  for (const Operand& operand : op.outputs) outputs.emplace_back(operand, storage);
  std::vector<SnTensor> tensors;
  for (const Buffer& buffer : inputs) tensors.push_back(buffer.tensor);
  for (const Buffer& buffer : outputs) tensors.push_back(buffer.tensor);
  const SnPlanOptions plan{0, 1, 0, 0};
  SnOpDesc desc{op.name.c_str(),
                op.attributes.data(),
                op.attributes.size(),
                tensors.data(),
                static_cast<int32_t>(inputs.size()),
                tensors.data() + inputs.size(),
                static_cast<int32_t>(outputs.size()),
                &plan};
  SnKernel* kernel = nullptr;
  SnKernelInfo info{};
  check(table_->create_kernel(device_, &desc, &kernel, &info, &error_), op.name);

  std::vector<std::pair<void*, size_t>> held;
  const auto allocate = [&](size_t bytes) -> char* {
    if (bytes == 0) return nullptr;
    void* memory = nullptr;
    check(table_->allocate(device_, bytes, &memory, &error_), "allocate");
    held.emplace_back(memory, bytes);
    return static_cast<char*>(memory);
  };
  const auto upload = [&](char* to, const Buffer& buffer) {
    if (to) check(table_->upload(device_, to, buffer.bytes.data(), buffer.bytes.size(), &error_), "upload");
  };
  std::vector<char*> sources, targets;
  for (const Buffer& buffer : inputs) sources.push_back(allocate(buffer.bytes.size()));
  for (const Buffer& buffer : outputs) targets.push_back(allocate(buffer.bytes.size()));
  if (storage.inPlace) targets[0] = sources[0];
  char* scratch = allocate(info.scratch_bytes);
  std::vector<void*> from, to;
  for (size_t i = 0; i < inputs.size(); ++i) from.push_back(sources[i] ? sources[i] + inputs[i].begin : nullptr);
  for (size_t i = 0; i < outputs.size(); ++i) to.push_back(targets[i] ? targets[i] + outputs[i].begin : nullptr);

  const auto download = [&](const Buffer& like, const char* memory, const std::string& name) {
    Buffer result = like;
    if (memory) {
      check(table_->download(device_, result.bytes.data(), memory, result.bytes.size(), &error_), "download");
    }
    if (!result.isUntouchedBeside()) throw std::runtime_error("something beside " + name + " was written");
    return result.values();
  };
  std::vector<std::vector<float>> first;
  for (int repetition = 0; repetition < 2; ++repetition) {
    for (size_t i = 0; i < outputs.size(); ++i) upload(targets[i], outputs[i]);
    for (size_t i = 0; i < inputs.size(); ++i) upload(sources[i], inputs[i]);
    if (scratch) check(table_->fill(device_, scratch, repetition ? 0xff : 0, info.scratch_bytes, &error_), "fill");
    check(table_->launch(kernel, from.data(), to.data(), scratch, &error_), op.name);
    check(table_->synchronize(device_, &error_), op.name);
    std::vector<std::vector<float>> results;
    for (size_t i = 0; i < outputs.size(); ++i) {
      results.push_back(download(outputs[i], targets[i], "output " + std::to_string(i)));
    }
    for (const size_t i : op.written) results.push_back(download(inputs[i], sources[i], "input " + std::to_string(i)));
    if (repetition == 0) first = results;
    for (size_t i = 0; i < results.size(); ++i) {
      if (std::memcmp(results[i].data(), first[i].data(), results[i].size() * sizeof(float)) != 0) {
        throw std::runtime_error("result " + std::to_string(i) + " differs from run to run");
      }
    }
  }
  table_->destroy_kernel(kernel);
  for (const auto& [memory, bytes] : held) table_->release(device_, memory, bytes);
  return first;
}

}  // namespace variants
