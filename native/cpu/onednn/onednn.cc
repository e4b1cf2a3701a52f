#include "cpu/onednn/onednn.h"

#include <cstring>

namespace saturnn::cpu {

using dnnl::memory;

namespace {

// Checks the dtype and the rank, and that the tensor is no slice of channels: oneDNN would use its reference kernels for
// one, and no plan asks for that.
void requireOperand(const SnTensor& tensor, const char* name, SnDType dtype, int rank) {
  requireTensor(tensor, name, dtype);
  requireRank(tensor, name, rank, (std::to_string(rank) + " dimensions").c_str());
  if (!isDense(tensor)) refuse(name, "a dense tensor", describe(tensor));
}

}  // namespace

memory::desc imageDesc(const char* argument, const SnTensor& tensor) {
  const bool isBf16 = tensor.dtype == SN_BF16;
  requireOperand(tensor, argument, isBf16 ? SN_BF16 : SN_F32, 4);
  const int64_t* s = tensor.shape;
  const bool blocked = tensor.layout == SN_NCHW16C;
  return memory::desc({s[0], s[3], s[1], s[2]}, isBf16 ? memory::data_type::bf16 : memory::data_type::f32,
                      blocked ? memory::format_tag::nChw16c : memory::format_tag::nhwc);
}

memory::desc weightsDesc(const char* argument, const SnTensor& tensor, int64_t groups) {
  requireOperand(tensor, argument, SN_F32, 4);
  requirePlain(tensor, argument);
  const int64_t* s = tensor.shape;
  if (groups == 1) return memory::desc({s[0], s[3], s[1], s[2]}, memory::data_type::f32, memory::format_tag::acdb);
  return memory::desc({groups, s[0] / groups, s[3], s[1], s[2]}, memory::data_type::f32, memory::format_tag::abdec);
}

memory::desc plainDesc(const char* argument, const SnTensor& tensor, int rank) {
  requireOperand(tensor, argument, SN_F32, rank);
  requirePlain(tensor, argument);
  return memory::desc(memory::dims(tensor.shape, tensor.shape + rank), memory::data_type::f32,
                      rank == 1 ? memory::format_tag::a : memory::format_tag::ab);
}

memory::desc anyLayout(const memory::desc& desc) { return anyLayout(desc, desc.data_type()); }

memory::desc anyLayout(const memory::desc& desc, memory::data_type type) {
  return memory::desc(desc.dims(), type, memory::format_tag::any);
}

std::string dimsText(const memory::dims& dims) { return shapeText(dims.data(), dims.size()); }

bool isReference(const char* implementation) { return std::strstr(implementation, "ref") != nullptr; }

dnnl::primitive_attr userScratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

bool PrimitiveKernel::reorders(const std::vector<Operand>& operands) {
  for (const Operand& operand : operands) {
    const bool weights = operand.argument == DNNL_ARG_WEIGHTS || operand.argument == DNNL_ARG_DIFF_WEIGHTS;
    if (!weights && operand.given != operand.wanted) return true;
  }
  return false;
}

void PrimitiveKernel::bind(Call& call, int argument, const memory::desc& desc, const Place& place) {
  const memory bound(desc, device_.engine, DNNL_MEMORY_NONE);
  call.arguments.emplace(argument, bound);
  call.bindings.push_back({bound, place});
}

void PrimitiveKernel::addReorder(const Place& from, const memory::desc& fromDesc, const Place& to,
                                 const memory::desc& toDesc) {
  const dnnl::reorder::primitive_desc desc(device_.engine, fromDesc, device_.engine, toDesc, userScratchpad());
  add(dnnl::reorder(desc), desc.scratchpad_desc(), {{DNNL_ARG_FROM, from, fromDesc, fromDesc}},
      {{DNNL_ARG_TO, to, toDesc, toDesc}});
}

void PrimitiveKernel::add(const dnnl::primitive& primitive, const memory::desc& scratchpad,
                          const std::vector<Operand>& sources, const std::vector<Operand>& destinations) {
  Call call{primitive, {}, {}};
  for (const Operand& operand : sources) {
    Place place = operand.place;
    if (operand.given != operand.wanted) {
      place = {Place::Scratch, reserveScratch(operand.wanted.get_size())};
      addReorder(operand.place, operand.given, place, operand.wanted);
    }
    bind(call, operand.argument, operand.wanted, place);
  }
  std::vector<Place> places;
  for (const Operand& operand : destinations) {
    Place place = operand.place;
    if (operand.given != operand.wanted) place = {Place::Scratch, reserveScratch(operand.wanted.get_size())};
    bind(call, operand.argument, operand.wanted, place);
    places.push_back(place);
  }
  if (scratchpad.get_size() > 0) {
    bind(call, DNNL_ARG_SCRATCHPAD, scratchpad, {Place::Scratch, reserveScratch(scratchpad.get_size())});
  }
  calls_.push_back(std::move(call));
  for (size_t i = 0; i < destinations.size(); ++i) {
    const Operand& operand = destinations[i];
    if (operand.given != operand.wanted) addReorder(places[i], operand.wanted, operand.place, operand.given);
  }
}

void PrimitiveKernel::launch(void* const* inputs, void* const* outputs, void* scratch) {
  for (Call& call : calls_) {
    for (Binding& binding : call.bindings) {
      const size_t index = binding.place.index;
      switch (binding.place.kind) {
        case Place::Input: binding.memory.set_data_handle(inputs[index]); break;
        case Place::Output: binding.memory.set_data_handle(outputs[index]); break;
        case Place::Scratch: binding.memory.set_data_handle(static_cast<char*>(scratch) + index); break;
      }
    }
    call.primitive.execute(device_.stream, call.arguments);
  }
  device_.stream.wait();
}

}  // namespace saturnn::cpu
