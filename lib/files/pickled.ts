/** Recognises PyTorch's own files, which are programs for Python's unpickler and are not read. */

/**
 * Whether a file begins as those of torch.save() do: a zip archive, or, before PyTorch 1.6, a pickle of protocol 2 or newer.
 * @param beginning the first bytes of a file, 4 or more
 */
export function isPickled([first, second, third, fourth]: Uint8Array): boolean {
  const isZip = first === 0x50 && second === 0x4b && third === 3 && fourth === 4;
  return isZip || (first === 0x80 && second !== undefined && second >= 2 && second <= 5);
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
