import { Command, CommanderError, Option } from "commander";
import { encoders } from "../model/encoder.ts";
import { answeringHeads, modalityNames } from "../model/method.ts";
import { folderPreset, scenesPreset, segmentPreset } from "../run/presets.ts";
import type { Settings } from "../run/settings.ts";
import { OnestageError, UsageError } from "../tensor/errors.ts";
import { VERSION } from "../tensor/version.ts";
import { type CompareOptions, compare } from "./compare/compare.ts";
import { type EvalOptions, evalRun } from "./evaluate.ts";
import { type ExportOptions, exportNetwork } from "./export.ts";
import type { Flag } from "./flag.ts";
import { info } from "./info.ts";
import { InterruptedError, type Io } from "./io.ts";
import { type PredictOptions, predictImage } from "./predict.ts";
import { addPrepareOptions, depthUnitOf, runPrepare } from "./prepare.ts";
import { type ProfileOptions, profile, profileFlags } from "./profile.ts";
import { flags, type Given } from "./settings.ts";
import { type TrainOptions, train } from "./train.ts";
import { tuneFlags, tuneKernels } from "./tune.ts";
import { checkWeights, type WeightsOptions } from "./weights.ts";

const USAGE = 2;
const INTERRUPTED = 130;
const BUG = 1;

/**
 * Runs one command line.
 * @returns the exit code: 0, 2 with one line on stderr for anything that the user can change, 130 when interrupted
 */
export async function runProgram(io: Io): Promise<number> {
  try {
    await program(io).parseAsync([...io.argv], { from: "user" });
    return 0;
  } catch (error) {
    return report(error, io);
  }
}

function report(error: unknown, io: Io): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    io.say(oneLine(error.message.replace(/^error: /, "")));
    return USAGE;
  }
  if (error instanceof OnestageError) {
    io.say(oneLine(error.message));
    return error instanceof InterruptedError ? INTERRUPTED : USAGE;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  io.say(oneLine(`internal error: ${message}${io.env.ONESTAGE_TRACE ? "" : " (ONESTAGE_TRACE=1 shows where)"}`));
  if (io.env.ONESTAGE_TRACE) io.stderr.write(`${stack}\n`);
  return BUG;
}

function program(io: Io): Command {
  const root = new Command("onestage")
    .description("Trains and runs multimodal vision models on WebGPU: train with colour and depth, use one of them.")
    .version(VERSION);
  // Set before the commands are made, which inherit it: nothing is printed twice, and nothing exits behind our back.
  root.exitOverride().configureOutput({ writeOut: (text) => io.out(text), writeErr: () => {} });
  root.addHelpText("after", "\nMore about a command: onestage <command> --help");

  addTrainOptions(root.command("start"), ["data", "task", "recipe"])
    .description("train on the built-in scenes and compare what was learnt: the main job")
    .addHelpText("after", example("onestage start", "onestage start --seed 2 --epochs 4"))
    .action((options) => train(...split(options), io));
  addTrainOptions(root.command("train"), [])
    .description("train networks on a dataset folder (or the built-in scenes) and compare them")
    .addHelpText(
      "after",
      example(
        "onestage train --data my-dataset --epochs 60 --out runs/mine",
        "onestage train --resume --out runs/mine",
        "onestage train --data my-dataset --methods rgb-only,one-stage-rgb",
      ),
    )
    .action((options) => train(...split(options), io));
  root
    .command("compare")
    .description("train and evaluate every method of a comparison with several seeds, and write its tables")
    .argument("<config>", "what is compared with what; examples are in configs/")
    .requiredOption("--data <folder>", "dataset folder")
    .option("--unlabelled <folder>", "dataset that rows with extra images learn from without labels")
    .requiredOption("--out <folder>", "where results and report go; done cells in it are not done again")
    .option("--work <folder>", "where networks and checkpoints go; a folder in --out without it")
    .option("--known <folders...>", "results of other comparisons: cells of the same networks are taken from there")
    .option("--cell <n>", "only this cell, by number from 0 or by name: for a job of a scheduler")
    .option("--list", "only say which cells there are, and which are done")
    .option("--report", "only write the report of the cells that are done")
    .option("--workers <n>", "processes that train at the same time; one for each core without it, as memory allows")
    .option("--json", "print JSON")
    .addHelpText("after", example("onestage compare configs/objects-rgb.json --data my-dataset --out results/objects"))
    .action((file: string, options: CompareOptions) => compare(file, options, io));
  root
    .command("eval")
    .description("evaluate a trained network on a split of a dataset")
    .requiredOption("--run <folder>", "folder of a finished run")
    .option("--data <folder>", "dataset folder; what the run was trained on without it")
    .option("--split <name>", "train, val or test; what the run was compared on without it")
    .option("--modality <rgb|depth|ir|both|all>", "what the network is shown; rgb without it")
    .option("--network <name>", "a network of the run; the one that serves the modality without it")
    .option("--live <class>", "class of live faces: says how well attacks, all other classes, are found")
    .option("--json", "print one JSON object")
    .addHelpText("after", example("onestage eval --run runs/scenes-1 --modality depth --json"))
    .action((options: EvalOptions) => evalRun(options, io));
  root
    .command("predict")
    .description("say what an image, or each of its pixels, shows")
    .requiredOption("--run <folder>", "folder of a finished run, or a file that export wrote")
    .option("--rgb <file>", "colour image: 8-bit PNG or JPEG of the size that the run was trained on")
    .option("--depth <file>", "depth map of the same view: 16-bit grey PNG, millimetres, 0 = missing")
    .option("--ir <file>", "infrared image of the same view: PNG of 8 or 16 bits or JPEG, the sensor's counts")
    .addOption(
      new Option(
        "--depth-unit <text>",
        "what one step of depth is, if the run was trained on other than millimetres: then 8 bits do, PNG or JPEG",
      ).argParser(depthUnitOf),
    )
    .option("--network <name>", "a network of the run; the one that serves what is given without it")
    .addOption(
      new Option("--head <name>", "who answers: the fused head, or the mean of both heads")
        .choices(answeringHeads)
        .default("fused"),
    )
    .option("--save <file>", "write the predicted classes of the pixels as an 8-bit grey PNG (segment)")
    .option("--json", "print one JSON object")
    .addHelpText("after", example("onestage predict --run runs/scenes-1 --rgb photo.png --json"))
    .action((options: PredictOptions) => predictImage(options, io));
  root
    .command("export")
    .description("write one trained network as a file of its own, without what only its training needed")
    .requiredOption("--run <folder>", "folder of a finished run")
    .requiredOption("--out <file>", "safetensors file that is written: PyTorch's names and layout")
    .option("--network <name>", "a network of the run; the one that serves colour images without it")
    .option("--both-heads", "keep the hallucination stream's own head")
    .option("--half", "write the weights as f16: half the size, a little less exact")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      example(
        "onestage export --run runs/scenes-1 --out one-stage-rgb.safetensors",
        "onestage predict --run one-stage-rgb.safetensors --rgb photo.png",
      ),
    )
    .action((options: ExportOptions) => exportNetwork(options, io));
  root
    .command("weights <file>")
    .description("check whether an encoder can start from the tensors of a safetensors file")
    .addOption(
      new Option("--model <name>", "encoder; the one that fits best without it").choices(Object.keys(encoders)),
    )
    .addOption(new Option("--modality <name>", "what it sees").choices(modalityNames).default("rgb"))
    .option("--prefix <text>", "what the names of its tensors begin with in the file")
    .option("--json", "print one JSON object")
    .addHelpText("after", example("onestage weights resnet34.safetensors --model resnet34 --modality depth"))
    .action((file: string, options: WeightsOptions) => checkWeights(file, options, io));
  addPrepareOptions(root.command("prepare <kind> <source> <out>"))
    .description("decode a dataset once into a packed folder, which --data and the browser read as it is")
    .addHelpText(
      "after",
      example(
        "onestage prepare nyuv2 nyu_depth_v2_labeled.mat nyuv2-40 --classes 40 --size 320x240",
        "onestage prepare lists my-dataset my-packed",
      ),
    )
    .action((kind: string, source: string, out: string, options) => runPrepare(kind, source, out, options, io));
  addTuneOptions(root.command("tune"))
    .description("find the fastest kernels for networks on this adapter; train uses what was found")
    .addHelpText(
      "after",
      example("onestage tune --model resnet18 --batch 64 --infer", "onestage tune --pin conv2d=registers"),
    )
    .action((options) => tuneKernels(...split(options), io));
  addProfileOptions(root.command("profile"))
    .description("tell where the time of a training step or a prediction goes, kernel by kernel")
    .addHelpText(
      "after",
      example("onestage profile --by layer", "onestage profile --model resnet18 --trace trace.json"),
    )
    .action((options: ProfileOptions) => profile(options, io));
  root
    .command("info")
    .description("tell which adapter is used, why, and what it can do")
    .option("--json", "print one JSON object")
    .addHelpText("after", example("onestage info --json"))
    .action((options) => info(options, io));
  // Behind the commands, which would inherit it.
  root.allowExcessArguments().action(() => {
    throw new UsageError(`expected a command (${names(root)}), got ${root.args[0] ?? "none"}`);
  });
  return root;
}

function addTrainOptions(command: Command, without: readonly string[]): Command {
  const names = Object.keys(flags).filter((name) => !without.includes(name)) as (keyof typeof flags)[];
  return addSettings(command, names, without.includes("data"))
    .option("--out <folder>", "where the run is written; a new folder below runs/ without it")
    .option("--resume", "go on with the run in --out, or with the newest one")
    .option("--force", "replace the run in --out")
    .option("--tune", "first find the fastest kernels for what has not been tuned yet")
    .option("--no-tuned", "do not use the kernels that tuning found")
    .option("--json", "print the results as one JSON object");
}

function addTuneOptions(command: Command): Command {
  const collect = (text: string, before: string[] = []) => [...before, text];
  return addSettings(command, tuneFlags, false)
    .option("--infer", "also tune what predictions need")
    .option("--again", "measure anew what has been tuned before")
    .option("--list", "show what is kept, for every adapter")
    .option("--clear", "remove what is kept for this adapter")
    .option("--all", "with --clear: for every adapter")
    .addOption(new Option("--pin <family=variant>", "always use a variant where it can do the job").argParser(collect))
    .addOption(new Option("--unpin <family>", "end that").argParser(collect))
    .option("--json", "print one JSON object");
}

function addSettings(command: Command, names: readonly (keyof typeof flags)[], scenesOnly: boolean): Command {
  for (const name of names) {
    const flag: Flag = flags[name];
    const help = `${flag.help}${defaultOf(name, scenesOnly)}`;
    command.addOption(new Option(`${flag.flag} ${flag.value}`, help).argParser((text) => flag.parse(text)));
  }
  return command;
}

function addProfileOptions(command: Command): Command {
  for (const { flag, value, help, parse, default: standard } of Object.values(profileFlags)) {
    command.addOption(new Option(`${flag} ${value}`, help).argParser(parse).default(standard));
  }
  return command
    .option("--infer", "profile a prediction instead of a training step")
    .option("--trace <file>", "write one step as a Chrome trace, which Perfetto opens")
    .option("--json", "print one JSON object");
}

/** The default of a setting for the help, or all of them where scenes, folders and tasks differ. */
function defaultOf(name: keyof Settings, scenesOnly: boolean): string {
  const [scenes, folder, pixels] = [scenesPreset[name], folderPreset[name], segmentPreset[name]];
  if (scenes === null) return "";
  if (scenesOnly) return ` (default: ${scenes})`;
  const images = folder === null || scenes === folder ? `${scenes}` : `${scenes} with scenes, ${folder} with a folder`;
  const alike = pixels === undefined || `${pixels}` === images;
  return ` (default: ${images}${alike ? "" : `, ${pixels} to segment`})`;
}

/** Apart: the flags that are settings, and the others. */
function split(options: Record<string, unknown>): [Given, TrainOptions] {
  const entries = Object.entries(options);
  const isSetting = ([name]: [string, unknown]) => name in flags;
  const rest = entries.filter((entry) => !isSetting(entry));
  return [Object.fromEntries(entries.filter(isSetting)) as Given, Object.fromEntries(rest)];
}

function example(...commands: string[]): string {
  return `\nExample${commands.length > 1 ? "s" : ""}:\n${commands.map((command) => `  $ ${command}`).join("\n")}`;
}

function names(root: Command): string {
  return root.commands.map((command) => command.name()).join(", ");
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
