// A stand-in for libraries that only have to load: cuDNN's sub-libraries.
int saturnn_fake_library(void) { return 0; }
