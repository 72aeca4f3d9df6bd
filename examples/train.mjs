// Trains a small network to tell the two arms of a spiral apart, and keeps its weights in a file that PyTorch reads, too.
import { writeFile } from "node:fs/promises";
import {
  argmax,
  backward,
  crossEntropy,
  GpuDevice,
  Init,
  Linear,
  Module,
  noGrad,
  Optimiser,
  packStateDict,
  Rng,
  relu,
  scope,
} from "onestage";

class Network extends Module {
  constructor(init) {
    super();
    this.hidden1 = new Linear(init.at("hidden1"), 2, 64);
    this.hidden2 = new Linear(init.at("hidden2"), 64, 64);
    this.out = new Linear(init.at("out"), 64, 2);
  }

  forward(x) {
    return this.out.forward(relu(this.hidden2.forward(relu(this.hidden1.forward(x)))));
  }
}

const points = Array.from({ length: 512 }, (_, i) => {
  const [arm, along] = [i % 2, i / 512];
  const angle = 9 * along + arm * Math.PI;
  return { arm, place: [along * Math.cos(angle), along * Math.sin(angle)] };
});

const device = await GpuDevice.open();
const x = device.upload(
  points.flatMap(({ place }) => place),
  [points.length, 2],
);
const target = device.upload(
  points.map(({ arm }) => arm),
  [points.length],
  "u32",
);

const network = new Network(new Init(device, new Rng(1)));
const optimiser = new Optimiser(device, network.parameters(), { weightDecay: 0 });
for (let step = 1; step <= 400; step++) {
  const loss = scope(() => {
    const error = crossEntropy(network.forward(x), target);
    backward(error);
    optimiser.step(0.01);
    return error;
  });
  if (step % 100 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(4)}`);
  loss.dispose();
}
const said = await scope(() => noGrad(() => argmax(network.forward(x)))).read();
const right = points.filter(({ arm }, i) => said[i] === arm).length;
console.log(`${right} of ${points.length} points are told apart, ${network.parameterCount()} weights`);
await writeFile("spiral.safetensors", packStateDict(await network.stateDict()));
device.close();
