// A stand-in for libcublasLt.so.13: it loads and has a version, and answers everything else with "not supported".
// That is enough for cuDNN to plan convolutions, because it uses its own engines if cuBLASLt does not support something.
#include <stddef.h>

size_t cublasLtGetVersion(void) { return 130100; }

#define REFUSE(name) \
  int name(void) { return 15; }

REFUSE(cublasLtCreate)
REFUSE(cublasLtDestroy)
REFUSE(cublasLtGetProperty)
REFUSE(cublasLtGroupedMatrixLayoutCreate)
REFUSE(cublasLtMatmul)
REFUSE(cublasLtMatmulAlgoGetHeuristic)
REFUSE(cublasLtMatmulDescCreate)
REFUSE(cublasLtMatmulDescDestroy)
REFUSE(cublasLtMatmulDescGetAttribute)
REFUSE(cublasLtMatmulDescSetAttribute)
REFUSE(cublasLtMatmulPreferenceCreate)
REFUSE(cublasLtMatmulPreferenceDestroy)
REFUSE(cublasLtMatmulPreferenceSetAttribute)
REFUSE(cublasLtMatrixLayoutCreate)
REFUSE(cublasLtMatrixLayoutDestroy)
REFUSE(cublasLtMatrixLayoutGetAttribute)
REFUSE(cublasLtMatrixLayoutSetAttribute)
REFUSE(cublasLtMatrixTransform)
REFUSE(cublasLtMatrixTransformDescCreate)
REFUSE(cublasLtMatrixTransformDescDestroy)
REFUSE(cublasLtMatrixTransformDescGetAttribute)
REFUSE(cublasLtMatrixTransformDescSetAttribute)
