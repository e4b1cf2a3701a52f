// A stand-in for a library that only has to load: cuDNN's sub-libraries.
int saturnn_fake_library(void) { return 0; }
