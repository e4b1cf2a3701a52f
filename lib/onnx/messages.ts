/**
 * The messages of an ONNX file, with the fields that are written here. Names, numbers and types are those of onnx.proto
 * (https://github.com/onnx/onnx, IR version 8), with names in camelCase. A test reads files again with the whole schema.
 */

/** A network with everything that belongs to it: the content of a file. */
export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly graph: GraphProto;
  readonly opsetImport: readonly OperatorSetIdProto[];
  readonly metadataProps: readonly StringStringEntryProto[];
}

/** A set of operators, by its version. */
export interface OperatorSetIdProto {
  /** "" for the operators of ONNX itself. */
  readonly domain: string;
  readonly version: number;
}

/** A text with a name. */
export interface StringStringEntryProto {
  readonly key: string;
  readonly value: string;
}

/** The nodes in the order in which they run, with their constants, inputs and outputs. */
export interface GraphProto {
  readonly node: readonly NodeProto[];
  readonly name: string;
  readonly initializer: readonly TensorProto[];
  readonly docString: string;
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
}

/** One operation. Inputs and outputs are names of values. */
export interface NodeProto {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly opType: string;
  readonly attribute: readonly AttributeProto[];
}

/** A setting of a node: one of `f`, `i`, `s` and `ints`, and the type that says which. */
export interface AttributeProto {
  readonly name: string;
  readonly f?: number;
  readonly i?: number;
  readonly s?: string;
  readonly ints?: readonly number[];
  /** See attributeTypes. */
  readonly type: number;
}

/** A constant. */
export interface TensorProto {
  readonly dims: readonly number[];
  /** See elementTypes. */
  readonly dataType: number;
  readonly name: string;
  /** The elements, row-major, little-endian. */
  readonly rawData: Uint8Array;
}

/** Name, type and shape of an input or output. */
export interface ValueInfoProto {
  readonly name: string;
  readonly type: { readonly tensorType: { readonly elemType: number; readonly shape: TensorShapeProto } };
  readonly docString: string;
}

/** A shape. A dimension has either a size or a name. */
export interface TensorShapeProto {
  readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[];
}

/** Values of AttributeProto.type. */
export const attributeTypes = { f: 1, i: 2, s: 3, ints: 7 } as const;

/** Values of TensorProto.dataType and of elemType. */
export const elementTypes = { f32: 1, u8: 2, i32: 6, i64: 7, f16: 10 } as const;

/** Kinds of fields: numbers, texts and bytes, or the name of a message. */
export type FieldKind = 'int' | 'float' | 'text' | 'bytes' | MessageName;

/** The number and kind of every field of a message. */
type FieldsOf<Message> = { readonly [Name in keyof Message]-?: readonly [number: number, kind: FieldKind] };

/** All messages, by name. */
interface Messages {
  readonly Model: ModelProto;
  readonly OperatorSet: OperatorSetIdProto;
  readonly StringEntry: StringStringEntryProto;
  readonly Graph: GraphProto;
  readonly Node: NodeProto;
  readonly Attribute: AttributeProto;
  readonly Tensor: TensorProto;
  readonly ValueInfo: ValueInfoProto;
  readonly Type: ValueInfoProto['type'];
  readonly TensorType: ValueInfoProto['type']['tensorType'];
  readonly Shape: TensorShapeProto;
  readonly Dimension: TensorShapeProto['dim'][number];
}

/** Name of a message. */
export type MessageName = keyof Messages;

/** The fields of each message, in the order in which they are written. */
export const messageFields: { readonly [Name in MessageName]: FieldsOf<Messages[Name]> } = {
  Model: {
    irVersion: [1, 'int'],
    producerName: [2, 'text'],
    producerVersion: [3, 'text'],
    graph: [7, 'Graph'],
    opsetImport: [8, 'OperatorSet'],
    metadataProps: [14, 'StringEntry'],
  },
  OperatorSet: { domain: [1, 'text'], version: [2, 'int'] },
  StringEntry: { key: [1, 'text'], value: [2, 'text'] },
  Graph: {
    node: [1, 'Node'],
    name: [2, 'text'],
    initializer: [5, 'Tensor'],
    docString: [10, 'text'],
    input: [11, 'ValueInfo'],
    output: [12, 'ValueInfo'],
  },
  Node: {
    input: [1, 'text'],
    output: [2, 'text'],
    name: [3, 'text'],
    opType: [4, 'text'],
    attribute: [5, 'Attribute'],
  },
  Attribute: { name: [1, 'text'], f: [2, 'float'], i: [3, 'int'], s: [4, 'text'], ints: [8, 'int'], type: [20, 'int'] },
  Tensor: { dims: [1, 'int'], dataType: [2, 'int'], name: [8, 'text'], rawData: [9, 'bytes'] },
  ValueInfo: { name: [1, 'text'], type: [2, 'Type'], docString: [3, 'text'] },
  Type: { tensorType: [1, 'TensorType'] },
  TensorType: { elemType: [1, 'int'], shape: [2, 'Shape'] },
  Shape: { dim: [1, 'Dimension'] },
  Dimension: { dimValue: [1, 'int'], dimParam: [2, 'text'] },
};
