import { loadedAddon } from './addon';
import { openDevices } from './device';
import type { DeviceMemory } from './native';

/** Memory in use on one device. */
export interface DeviceMemoryStats extends Readonly<DeviceMemory> {
  /** Name of the device: "cpu", "cuda:0". */
  readonly device: string;
}

/** Memory in use, on devices and in the process. */
export interface MemoryStats {
  /** One entry per open device. Calls that are still queued are not counted yet. */
  readonly devices: readonly DeviceMemoryStats[];
  /** Numbers of the native objects of this thread that were not disposed of. */
  readonly handles: {
    /** Devices. */
    readonly devices: number;
    /** States. */
    readonly states: number;
    /** Plans. */
    readonly plans: number;
    /** Resident arrays (Device.upload()), and places through which streamed images are uploaded. */
    readonly buffers: number;
    /** Bytes of device memory that these hold, as reported to the garbage collector. */
    readonly bytes: number;
  };
  /** Resident memory of the whole process, in bytes. */
  readonly rssBytes: number;
  /** Peak of the process's resident memory since it began, in bytes. */
  readonly peakRssBytes: number;
}

/**
 * Returns how much memory is in use on each open device and in the process. The CPU device's bytes are a part of the process's,
 * which also contain Node.js, the libraries with the code that they generate, and data sets in JavaScript.
 */
export function memoryStats(): MemoryStats {
  const handles = loadedAddon()?.counters() ?? { devices: 0, states: 0, plans: 0, buffers: 0, bytes: 0 };
  return {
    devices: openDevices().map((device) => ({ device: device.name, ...device.native.memory })),
    handles,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}
