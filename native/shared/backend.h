// The private C ABI between the addon and a backend (one shared library per device family).
//
// A backend exports one symbol, saturnn_backend(), and nothing else. Both sides are built from this header and must
// have the same version, a hash of this header and of the tables (abi.h), so structs may change freely. Only C crosses it:
// no exceptions, no STL types. A call that fails returns SN_FAILED and fills SnError.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SN_MAX_RANK 4

enum { SN_OK = 0, SN_FAILED = 1 };

typedef struct SnError {
  char code[40];       // "ERR_..." as JavaScript sees it in error.code
  char message[2048];  // one readable sentence or more; names what failed and what was found
} SnError;

// SN_BF16 (the upper half of an f32) and SN_F16 (IEEE binary16) exist only inside a plan, for images and copies of
// weights in the plain layout. A plan's inputs, outputs and constants and the State are never halves: `copy` converts.
typedef enum SnDType { SN_NONE = -1, SN_F32 = 0, SN_I32 = 1, SN_U8 = 2, SN_BF16 = 3, SN_F16 = 4 } SnDType;

// SN_PLAIN is row-major in the order of `shape` (an image: NHWC). SN_NCHW16C is [N][C/16][H][W][16]; `shape` stays NHWC.
typedef enum SnLayout { SN_PLAIN = 0, SN_NCHW16C = 1 } SnLayout;

// Describes where the elements of a tensor are. An image may be a slice of the channels of a wider buffer: then
// `parent_channels` is the width of that buffer, `channel_offset` the slice's first channel, and the pointer given to
// launch() is the START OF THE WIDER BUFFER. Otherwise parent_channels == shape[rank-1] and channel_offset == 0.
// An optional tensor that is absent has dtype SN_NONE and a null pointer at launch.
typedef struct SnTensor {
  SnDType dtype;
  int32_t rank;
  int64_t shape[SN_MAX_RANK];
  SnLayout layout;
  int64_t parent_channels;
  int64_t channel_offset;
} SnTensor;

// In place of an id of native/activations.def: of a convolution, none is fused; of bias and activation, the bias alone.
enum { SN_NO_ACTIVATION = -1 };

// Requirements of a plan on all its kernels. Each field is 0 or 1.
typedef struct SnPlanOptions {
  int32_t allow_tf32;     // f32 convolutions may round their factors to 10 bits (TF32), as tensor cores do
  int32_t deterministic;  // only kernels that give the same bits in every run
  int32_t autotune;       // kernels may be chosen by timing candidates on the device
  int32_t plain;          // no fused kernels that are compiled at run time
} SnPlanOptions;

typedef struct SnOpDesc {
  const char* name;
  const void* attributes;
  size_t attribute_bytes;
  const SnTensor* inputs;
  int32_t input_count;
  const SnTensor* outputs;
  int32_t output_count;
  const SnPlanOptions* options;
} SnOpDesc;

typedef struct SnDevice SnDevice;
typedef struct SnKernel SnKernel;
typedef struct SnGraph SnGraph;
typedef struct SnUploader SnUploader;

typedef struct SnKernelInfo {
  int64_t scratch_bytes;    // given to every launch, 64-byte aligned, contents undefined
  char implementation[96];  // the code that will run: "jit_wino_4x3:avx512_core", "saturnn:avx512"
} SnKernelInfo;

typedef struct SnField {
  const char* name;  // as in TypeScript
  SnDType type;      // SN_I32 or SN_F32
} SnField;

enum { SN_ANY_NUMBER = 0x7fffffff };

// A row of native/ops.def. Every attribute is 4 bytes; the struct in SnOpDesc has them in the order of `fields`.
typedef struct SnOpInfo {
  const char* name;
  size_t attribute_bytes;
  const SnField* fields;
  int32_t field_count;
  int32_t variable_attributes;        // 1: as many int32 as there are inputs, and no fields
  int32_t least_inputs, most_inputs;  // absent optional tensors count
  int32_t outputs;
} SnOpInfo;

typedef struct SnOpenOptions {
  int32_t index;                    // index of the device in this family
  int32_t threads;                  // CPU: worker threads, 0 = one per physical core
  const char* const* search_paths;  // folders in which the backend looks for its own libraries, in order
  int32_t search_path_count;
  const char* cache_folder;  // keeps choices made by timing between processes; null: they are not kept
} SnOpenOptions;

typedef struct SnBackend {
  uint32_t abi_version;
  const char* name;  // "cpu", "cuda"

  // The op table: the core checks every node against it, and a test compares it with TypeScript's.
  const SnOpInfo* ops;
  int32_t op_count;

  // 1 if the backend wants images of this plan as SN_NCHW16C where their channels allow it.
  int32_t prefers_blocked_images;

  // Writes a JSON object that says what works and every piece that is missing. Never fails for a missing piece.
  void (*probe)(const SnOpenOptions*, char* json, size_t capacity);

  int (*open)(const SnOpenOptions*, SnDevice**, SnError*);
  void (*close)(SnDevice*);
  // Writes a JSON object: name, memory, threads or SMs, versions, features, "precisions" (names of those the device
  // has) and "missingPrecisions" (for each of the others, what it needs).
  void (*describe)(SnDevice*, char* json, size_t capacity);

  // 64-byte aligned (or better) device memory. Not cleared.
  int (*allocate)(SnDevice*, size_t bytes, void**, SnError*);
  void (*release)(SnDevice*, void*, size_t bytes);
  int (*upload)(SnDevice*, void* destination, const void* source, size_t bytes, SnError*);
  int (*download)(SnDevice*, void* destination, const void* source, size_t bytes, SnError*);  // waits for the data
  int (*fill)(SnDevice*, void* destination, uint8_t value, size_t bytes, SnError*);
  // Copies within the device's memory; enqueued like launch().
  int (*copy)(SnDevice*, void* destination, const void* source, size_t bytes, SnError*);
  int (*synchronize)(SnDevice*, SnError*);
  // Measures the device time of the work enqueued between the two calls. stop_timer() waits for that work.
  int (*start_timer)(SnDevice*, SnError*);
  int (*stop_timer)(SnDevice*, double* milliseconds, SnError*);

  int (*create_kernel)(SnDevice*, const SnOpDesc*, SnKernel**, SnKernelInfo*, SnError*);
  void (*destroy_kernel)(SnKernel*);
  // Enqueues (CUDA) or runs (CPU). Outputs that alias an input in place have the same pointer.
  int (*launch)(SnKernel*, void* const* inputs, void* const* outputs, void* scratch, SnError*);

  // Records what is enqueued between begin and end as a graph, with its pointers, instead of running it. All four are
  // null if the backend cannot. end_capture() must be called even after a failure in between; then it fails and leaves
  // no graph.
  int (*begin_capture)(SnDevice*, SnError*);
  int (*end_capture)(SnDevice*, SnGraph**, SnError*);
  int (*launch_graph)(SnGraph*, SnError*);
  void (*destroy_graph)(SnGraph*);
  // Enqueued in every step of a run that does not ask the host after each step. halt = {stopped, steps done}, on the
  // device. If the gate is open (0) and no step was stopped, the step is counted. Else the run is stopped: *gate, and
  // *skip unless `skip` is null, are closed in this and all later steps.
  int (*latch)(SnDevice*, int32_t* gate, int32_t* skip, int32_t* halt, SnError*);

  // Uploads that run beside the device's work, through a buffer of pinned memory of the host. All four are null if the
  // backend has none. upload_ahead() returns when `source` may change; the copy to `destination` may still be running.
  // It may be called on any thread, but not twice at a time for one uploader. Work that is enqueued after await_upload()
  // begins when that copy has ended. Only when this work has ended may upload_ahead() be called again.
  int (*create_uploader)(SnDevice*, size_t bytes, SnUploader**, SnError*);
  void (*destroy_uploader)(SnUploader*);  // waits for its copy
  int (*upload_ahead)(SnUploader*, void* destination, const void* source, size_t bytes, SnError*);
  int (*await_upload)(SnUploader*, SnError*);
} SnBackend;

// Returns null if the caller's version is not this library's, which goes to `own_version` in any case.
typedef const SnBackend* (*SnBackendEntry)(uint32_t abi_version, uint32_t* own_version);

#ifdef __cplusplus
}
#endif
