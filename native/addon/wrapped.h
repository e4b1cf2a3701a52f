// The base of the addon's classes. JavaScript may call a method or getter on any receiver, and pass any object for one of
// ours: an object is unwrapped only if it bears the tag of the class.
#pragma once

#include <napi.h>

#include <cstdint>

#include "addon/environment.h"
#include "addon/values.h"

namespace saturnn {

template <class T>
class Wrapped : public Napi::ObjectWrap<T> {
 public:
  // Returns null if `value` is not an object of this class, made by this copy of the addon.
  static T* from(const Napi::Value& value) {
    if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&tag())) return nullptr;
    return Napi::ObjectWrap<T>::Unwrap(value.As<Napi::Object>());
  }

 protected:
  using Body = Napi::Value (T::*)(const Napi::CallbackInfo&);

  explicit Wrapped(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info) {
    info.This().template As<Napi::Object>().TypeTag(&tag());
  }

  template <Body body>
  static Napi::ClassPropertyDescriptor<T> method(const char* name) {
    napi_property_descriptor row{};
    row.utf8name = name;
    row.method = call<body>;
    return row;
  }

  template <Body body>
  static Napi::ClassPropertyDescriptor<T> getter(const char* name) {
    napi_property_descriptor row{};
    row.utf8name = name;
    row.getter = call<body>;
    return row;
  }

 private:
  // Another copy of the addon in this process, perhaps of another version, has classes of the same names and another
  // layout: the address of a variable tells them apart, and the classes from each other.
  static const napi_type_tag& tag() {
    static char place;
    static const napi_type_tag it{0x7361747572656e6e, reinterpret_cast<uintptr_t>(&place)};
    return it;
  }

  template <Body body>
  static napi_value call(napi_env env, napi_callback_info raw) {
    try {
      const Napi::CallbackInfo info(env, raw);
      return guard(env, [&]() -> Napi::Value {
        T* const receiver = from(info.This());
        if (receiver == nullptr) throwInvalid("this", std::string("a ") + T::name, info.This());
        return (receiver->*body)(info);
      });
    } catch (const Napi::Error& error) {
      error.ThrowAsJavaScriptException();
      return nullptr;
    }
  }
};

}  // namespace saturnn
