import { checkHalfOn } from './implementations';

checkHalfOn('AVX512_CORE', /avx512_core(\+saturnn:avx512)?$/);
