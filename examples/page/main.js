// The same in a page: a network of `onestage export` beside it as net.safetensors, and a picture that the user picks.
import { GpuDevice, openNetwork, readPixels } from "onestage/infer";

const status = document.querySelector("[role=status]");
try {
  const [device, file] = await Promise.all([GpuDevice.open(), fetch("net.safetensors")]);
  const network = openNetwork(device, new Uint8Array(await file.arrayBuffer()));
  status.textContent = "Ready.";
  document.querySelector("input").addEventListener("change", async ({ target }) => {
    try {
      const { probabilities } = await network.predict({ rgb: await readPixels(target.files[0]) });
      const best = probabilities.indexOf(Math.max(...probabilities));
      status.textContent = `${network.classes[best]}, ${(100 * probabilities[best]).toFixed(0)} %`;
    } catch (error) {
      status.textContent = error.message;
    }
  });
} catch (error) {
  // No WebGPU, no file, a damaged one: the message says which.
  status.textContent = error.message;
}
