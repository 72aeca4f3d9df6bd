import { makeBatch } from "../../src/data/batch.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { sceneDataset } from "../../src/data/scenes/index.ts";
import { storedTensors } from "../../src/data/stateDict.ts";
import { NETWORK_DTYPES, NETWORK_ENTRY, readNetworkFacts } from "../../src/infer/facts.ts";
import { dropHallucinationHead, unloadedMethod } from "../../src/model/deploy.ts";
import type { Task } from "../../src/model/task.ts";
import { profilePrediction } from "../../src/profile.ts";
import type { DatasetFacts } from "../../src/run/dataset.ts";
import { scenesPreset, segmentPreset } from "../../src/run/presets.ts";
import { imagesText, profileStep, type TitledProfile } from "../../src/run/profile.ts";
import { networkConfig, type Settings } from "../../src/run/settings.ts";
import { disposeMethod } from "../../src/run/stage.ts";
import { useChoices } from "../../src/tensor/choices.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import type { ProfileChoice } from "../bench/types.ts";
import type { NetworkName } from "../demo/types.ts";
import { fetchModel } from "./models.ts";

const SEED = 1;

/** Profiles the step that is chosen; `check` is called before each run and may throw. */
export function profileChosen(device: GpuDevice, choice: ProfileChoice, check: () => void): Promise<TitledProfile> {
  const { step, batch, size, runs } = choice;
  const [kind, task, network] = step.split(" ") as ["train" | "predict", Task, NetworkName];
  if (kind === "predict") return profileTrained(device, `${task}-${network}.safetensors`, choice, check);
  const settings = { ...scenesPreset, ...(task === "segment" ? segmentPreset : {}), task, batch, size };
  return profileStep(device, settings, { method: "one-stage-rgb", infer: false, steps: runs, check });
}

/** Profiles the prediction of a network that comes with the pages, as it is deployed. */
async function profileTrained(
  device: GpuDevice,
  file: string,
  { batch, runs }: ProfileChoice,
  check: () => void,
): Promise<TitledProfile> {
  const { metadata, tensors } = parseSafetensors(await fetchModel(file), file);
  const { bothHeads, kernels, scale, shape, width, height } = readNetworkFacts(metadata, file);
  // Facts that were read without an error have all that is named here.
  const { network, settings, dataset } = JSON.parse(metadata[NETWORK_ENTRY]!) as {
    network: NetworkName;
    settings: Settings;
    dataset: DatasetFacts;
  };
  const deployed = unloadedMethod(network, device, networkConfig(settings, dataset));
  if (!bothHeads) dropHallucinationHead(deployed.network, shape);
  deployed.network.loadStateDict(storedTensors(tensors, file, NETWORK_DTYPES), { origin: file });
  useChoices(device, kernels);
  const scenes = sceneDataset({ seed: SEED, width, height, train: 1, val: 1, test: batch });
  const indices = Array.from({ length: batch }, (_, i) => i);
  const host = makeBatch(scenes, "test", indices, scale, null, shape.task!);
  const title = `${network}, ${shape.model} (${shape.task}), prediction, ${imagesText(batch, width, height)}`;
  try {
    return { title, profile: await profilePrediction(device, deployed, host, { runs, check }) };
  } finally {
    disposeMethod(deployed);
  }
}
