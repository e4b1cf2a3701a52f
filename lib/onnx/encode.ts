/** Writes the messages of an ONNX file in the binary form of Protocol Buffers. */
import { type FieldKind, type MessageName, type ModelProto, messageFields } from './messages';

/** The part of the package @bufbuild/protobuf that is used here. */
interface Wire {
  readonly BinaryWriter: new () => Writer;
}

/** Writes fields one after the other. */
interface Writer {
  /** Begins a field. `type` says how its bytes are delimited. */
  tag(field: number, type: number): Writer;
  int64(value: number): Writer;
  float(value: number): Writer;
  string(value: string): Writer;
  bytes(value: Uint8Array): Writer;
  /** Begins a message within the message. */
  fork(): Writer;
  /** Ends it. */
  join(): Writer;
  finish(): Uint8Array;
}

/** Loads the writer when a file is written: most programs write none. */
const wire = (): Wire => require('@bufbuild/protobuf/wire') as Wire;

/** Returns the bytes of a file. */
export function encodeModel(model: ModelProto): Uint8Array {
  const { BinaryWriter } = wire();
  const writer = new BinaryWriter();
  writeMessage(writer, 'Model', model);
  return writer.finish();
}

function writeMessage(writer: Writer, name: MessageName, message: object): void {
  const fields: Readonly<Record<string, readonly [number, FieldKind]>> = messageFields[name];
  for (const [field, [number, kind]] of Object.entries(fields)) {
    const value = (message as Readonly<Record<string, unknown>>)[field];
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) writeField(writer, number, kind, one);
  }
}

/** Tells a reader how the bytes of a field are delimited: the lowest three bits of its tag. */
const wireTypes = { int: 0, float: 5, delimited: 2 } as const;

function writeField(writer: Writer, number: number, kind: FieldKind, value: unknown): void {
  if (kind === 'int') writer.tag(number, wireTypes.int).int64(value as number);
  else if (kind === 'float') writer.tag(number, wireTypes.float).float(value as number);
  else if (kind === 'text') writer.tag(number, wireTypes.delimited).string(value as string);
  else if (kind === 'bytes') writer.tag(number, wireTypes.delimited).bytes(value as Uint8Array);
  else {
    writer.tag(number, wireTypes.delimited).fork();
    writeMessage(writer, kind, value as object);
    writer.join();
  }
}
