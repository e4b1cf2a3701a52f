import { checkHalfOn } from './implementations';

checkHalfOn('AVX512_CORE_BF16', /avx512_core(_bf16)?(\+saturnn:avx512)?$/);
