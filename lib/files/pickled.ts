/** Recognises PyTorch's own files, which are programs for Python's unpickler and are not read. */

/**
 * Whether a file begins as those of torch.save() do: a zip archive, or, before PyTorch 1.6, a pickle of protocol 2 or newer.
 * @param beginning the first 8 bytes of a file
 */
export function isPickled(beginning: Uint8Array): boolean {
  const [first, second, third, fourth] = beginning;
  const isZip = first === 0x50 && second === 0x4b && third === 3 && fourth === 4;
  // A safetensors file may have a header of 0x280 bytes, whose length begins so too. Its other bytes are 0, which is no opcode.
  const isLength = beginning.subarray(3, 8).every((byte) => byte === 0);
  return isZip || (!isLength && first === 0x80 && second !== undefined && second >= 2 && second <= 5);
}

const program = [
  'import sys, torch',
  'from safetensors.torch import save_file',
  's = torch.load(sys.argv[1], map_location="cpu", weights_only=True)',
  's = s.get("state_dict", s)',
  'save_file({k: v.contiguous().clone() for k, v in s.items() if torch.is_tensor(v)}, sys.argv[2])',
].join('; ');

const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Returns the command that makes a safetensors file of PyTorch's. */
export const unpickleCommand = (path: string): string =>
  `python3 -c '${program}' ${quoted(path)} ${quoted(`${path.replace(/\.(pt|pth|bin|ckpt)$/, '')}.safetensors`)}`;

/** Says what is wrong with such a file, and what to do. */
export const pickledAdvice = (path: string): string =>
  `${path} is a file of torch.save(), which runs programs when it is read. Make a safetensors file of it: ${unpickleCommand(path)}`;
