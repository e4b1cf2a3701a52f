// oneDNN for kernels: descriptions of tensors, and a Kernel that is a list of oneDNN's primitives.
//
// Rules for every kernel made from this. Each is here because breaking it was measured to be slow:
// - Memory comes from the plan: scratchpads are in user mode, reordered copies are in the kernel's scratch.
// - Parameters are plain f32 in the State. If an implementation needs them packed or in bf16, they are reordered at
//   each launch.
// - An implementation with "ref" in its name is hundreds of times slower. It is used only if there is no other, and its
//   name is reported, so that the plan with such a kernel is found.
#pragma once

#include <dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "cpu/device/device.h"
#include "cpu/kernel.h"

namespace saturnn::cpu {

// Describes a dense f32 or bf16 image [N,H,W,C], plain or blocked. oneDNN's order of dimensions is always N,C,H,W.
dnnl::memory::desc imageDesc(const char* argument, const SnTensor& tensor);
// Describes plain f32 weights [O,KH,KW,I/G] of G groups, which divide O. oneDNN's order is O,I,KH,KW, or with two groups or
// more G,O/G,I/G,KH,KW.
dnnl::memory::desc weightsDesc(const char* argument, const SnTensor& tensor, int64_t groups);
// Describes a plain f32 tensor of rank 1 or 2.
dnnl::memory::desc plainDesc(const char* argument, const SnTensor& tensor, int rank);

// Returns the same dimensions in the layout that the implementation prefers.
dnnl::memory::desc anyLayout(const dnnl::memory::desc& desc);
dnnl::memory::desc anyLayout(const dnnl::memory::desc& desc, dnnl::memory::data_type type);

std::string dimsText(const dnnl::memory::dims& dims);
bool isReference(const char* implementation);
// Returns the attributes that all primitives are created with.
dnnl::primitive_attr userScratchpad();

// Place of an argument: the index-th input or output of a launch, or an offset into the scratch.
struct Place {
  enum Kind { Input, Output, Scratch } kind;
  size_t index;
};

// One argument of a primitive: the layout of the op's tensor, and the layout that the primitive needs.
struct Operand {
  int argument;  // DNNL_ARG_...
  Place place;
  dnnl::memory::desc given;
  dnnl::memory::desc wanted;
};

class PrimitiveKernel : public Kernel {
 public:
  void launch(void* const* inputs, void* const* outputs, void* scratch) override;

 protected:
  explicit PrimitiveKernel(Device& device) : device_(device) {}

  // Appends the primitive, with a reorder before it for every source and after it for every destination whose layout
  // differs. Reports the implementation, with "+reorder" if a tensor other than the weights is reordered.
  template <typename PrimitiveDesc>
  void addPrimitive(const PrimitiveDesc& desc, const std::vector<Operand>& sources,
                    const std::vector<Operand>& destinations) {
    add(dnnl::primitive(desc.get()), desc.scratchpad_desc(), sources, destinations);
    std::string name = desc.impl_info_str();
    if (reorders(sources) || reorders(destinations)) name += "+reorder";
    setImplementation(name);
  }

  Device& device() { return device_; }

 private:
  struct Binding {
    dnnl::memory memory;  // the same object as in Call::arguments; its pointer is set at each launch
    Place place;
  };
  struct Call {
    dnnl::primitive primitive;
    std::unordered_map<int, dnnl::memory> arguments;
    std::vector<Binding> bindings;
  };

  static bool reorders(const std::vector<Operand>& operands);
  void add(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad, const std::vector<Operand>& sources,
           const std::vector<Operand>& destinations);
  void addReorder(const Place& from, const dnnl::memory::desc& fromDesc, const Place& to,
                  const dnnl::memory::desc& toDesc);
  void bind(Call& call, int argument, const dnnl::memory::desc& desc, const Place& place);

  Device& device_;
  std::vector<Call> calls_;
};

}  // namespace saturnn::cpu
