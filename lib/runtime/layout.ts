/** Channels per block in the CPU backend's blocked layout of images (SN_NCHW16C in native/shared/backend.h). */
export const blockChannels = 16;
