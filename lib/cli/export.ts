/** `saturnn export`: a trained network as a file for other programs. */
import { Command } from 'commander';
import {
  type ExportOnnxOptions,
  exportOnnx,
  exportOnnxDefaults,
  type OnnxReport,
  onnxDTypes,
} from '../onnx/exportOnnx';
import { addOptions, declare } from './options/declare';
import { jsonOption, oneObject } from './options/output';
import { dtypeOption } from './options/weights';
import { print } from './terminal/print';

const onnxOption = declare({ flags: '--onnx <file>', help: 'the ONNX file to write' });

const floatInputOption = declare({
  flags: '--float-input',
  help: 'the file takes normalised images, f32 [N, channels, height, width]',
  otherwise: 'pictures as bytes, [N, height, width, channels], which it crops and normalises',
});

const noCheckOption = declare({
  flags: '--no-check',
  help: 'do not compare what onnxruntime-node computes with the file, if it is installed',
});

interface Options extends Required<Pick<ExportOnnxOptions, 'dtype'>> {
  onnx: string;
  floatInput?: boolean;
  check: boolean;
  json?: boolean;
}

export function exportCommand(): Command {
  const command = new Command('export')
    .description('write a trained network as an ONNX file, for other programs and for browsers')
    .argument('<file>', 'model.safetensors or best.safetensors of a run');
  const { dtype } = exportOnnxDefaults;
  addOptions(
    command,
    onnxOption().makeOptionMandatory(),
    floatInputOption(),
    dtypeOption({ choices: onnxDTypes, default: dtype, shown: dtype, note: ', with which it computes' }),
    noCheckOption(),
    jsonOption({ note: oneObject }),
  );
  return command.action(async (from: string, { onnx, floatInput, dtype, check, json }: Options) => {
    const report = await exportOnnx(from, onnx, { floatInput, dtype, ...(!check && { check }) });
    print(json ? `${JSON.stringify({ ...report, out: onnx })}\n` : reportText(report, onnx, check));
  });
}

/** Returns what the command prints of a file that was written. */
function reportText({ bytes, opset, nodes, input, check }: OnnxReport, out: string, asked: boolean): string {
  const size = `${(bytes / 1e6).toFixed(1)} MB, ${nodes} nodes, opset ${opset}`;
  const taken = `${input.name}, ${input.dtype} [${input.shape.join(', ')}]`;
  return `written: ${out} (${size})\ninput: ${taken}\n${checkText(check, asked)}\n`;
}

function checkText(check: OnnxReport['check'], asked: boolean): string {
  if (!check)
    return `not checked: ${asked ? 'onnxruntime-node is not installed (npm install onnxruntime-node)' : '--no-check'}`;
  const { runtime, images, difference, limit } = check;
  return `checked: ${runtime} computes the same logits for ${images} images; largest difference ${difference.toExponential(1)} (at most ${limit})`;
}
