/** Channels of a block where the CPU keeps images in blocks of channels (SN_NCHW16C of native/backend.h). */
export const blockChannels = 16;
