import { loadedAddon } from './addon';
import { openDevices } from './device';
import type { DeviceMemory } from './native';

export interface DeviceMemoryStats extends Readonly<DeviceMemory> {
  /** "cpu", "cuda:0". */
  readonly device: string;
}

export interface MemoryStats {
  /** One per open device. What was asked for a moment ago counts when the device has done it. */
  readonly devices: readonly DeviceMemoryStats[];
  /** Devices, States, plans and resident buffers that were not disposed of: of this thread. */
  readonly handles: {
    readonly devices: number;
    readonly states: number;
    readonly plans: number;
    readonly buffers: number;
    /** What the garbage collector is told that they hold. */
    readonly bytes: number;
  };
  /** Of the whole process: what is resident, and the most that ever was. */
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

/**
 * Who holds how much memory: on each open device, and in the process. On a CPU the device's bytes are a part of the
 * process's; what comes on top are Node.js, the libraries with the code that they generate, and data sets in JavaScript.
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
